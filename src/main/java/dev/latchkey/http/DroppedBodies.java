package dev.latchkey.http;

import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.LastHttpContent;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.impl.ConnectionBase;

/**
 * What Vert.x 4.5 forgets of a connection that ends badly.
 *
 * <p>It drops what a client still sends after a request that asked to hang up, and does not give its memory back: a hundred such
 * connections cost 16 MiB, for good. It copies what it keeps of a body from the pool, so whatever it has not given back when it
 * returns, nobody will.
 *
 * <p>It fails over a connection that ends inside a request while one before it is still worked on, and counts that connection for
 * ever: {@code MAX_CONNECTIONS} of them would shut everybody out. So such a request is ended first.
 */
@RegisterForReflection // Netty looks which of its methods there are
final class DroppedBodies extends ChannelInboundHandlerAdapter {

    private static final String NAME = "droppedBodies";

    private int received = 1;
    private int begun = 1;
    private boolean inside;

    private DroppedBodies() {}

    /** From the first request of a connection on; to be told of each that is begun with. */
    static void release(HttpServerRequest request) {
        ChannelHandlerContext vertx = ((ConnectionBase) request.connection()).channelHandlerContext();
        ChannelHandler there = vertx.pipeline().get(NAME);
        if (there instanceof DroppedBodies bodies) {
            bodies.begun++;
        } else {
            vertx.pipeline().addBefore(vertx.name(), NAME, new DroppedBodies());
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpRequest) {
            received++;
            inside = true;
        }
        if (message instanceof LastHttpContent) {
            inside = false;
        }
        context.fireChannelRead(message);
        if (message instanceof HttpContent content
                && content.refCnt() > 0
                && content.content().alloc() instanceof PooledByteBufAllocator) {
            content.release();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        endWhatWaits(context);
        context.fireExceptionCaught(cause);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        endWhatWaits(context);
        context.fireChannelInactive();
    }

    private void endWhatWaits(ChannelHandlerContext context) {
        if (inside && begun < received) {
            inside = false;
            context.fireChannelRead(LastHttpContent.EMPTY_LAST_CONTENT);
        }
    }
}

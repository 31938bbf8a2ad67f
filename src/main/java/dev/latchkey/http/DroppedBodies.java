package dev.latchkey.http;

import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpContent;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.impl.ConnectionBase;

/**
 * Vert.x 4.5 drops what a client still sends after a request that asked to hang up, and forgets to give its memory back: a
 * hundred such connections cost 16 MiB, for good. It copies what it keeps of a body from the pool, so whatever it has not given
 * back when it returns, nobody will.
 */
@ChannelHandler.Sharable
@RegisterForReflection // Netty looks which of its methods there are
final class DroppedBodies extends ChannelInboundHandlerAdapter {

    private static final String NAME = "droppedBodies";
    private static final DroppedBodies HANDLER = new DroppedBodies();

    private DroppedBodies() {}

    /** From the first request of a connection on. */
    static void release(HttpServerRequest request) {
        ChannelHandlerContext vertx = ((ConnectionBase) request.connection()).channelHandlerContext();
        if (vertx.pipeline().get(NAME) == null) {
            vertx.pipeline().addBefore(vertx.name(), NAME, HANDLER);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        context.fireChannelRead(message);
        if (message instanceof HttpContent content
                && content.refCnt() > 0
                && content.content().alloc() instanceof PooledByteBufAllocator) {
            content.release();
        }
    }
}

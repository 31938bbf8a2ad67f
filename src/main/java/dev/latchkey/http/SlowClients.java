package dev.latchkey.http;

import io.netty.bootstrap.ChannelInitializerExtension;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * What a connection may cost while its client is slow. One that has not brought the head of a request in time is closed. One
 * that goes on asking without taking its answers is closed, too: they would fill the memory.
 *
 * <p>Vert.x has nothing for either. Netty finds this class in {@code META-INF/services}, as {@link
 * dev.latchkey.boot.Latchkey} tells it to, and shows it each connection that is accepted, on both ports.
 */
@RegisterForReflection
public class SlowClients extends ChannelInitializerExtension {

    /** How long the first head may take from the connection's begin, and each body from its head. */
    static final Duration PATIENCE = Duration.ofSeconds(15);

    /** How much of its answers a client may leave for later while it sends further requests. */
    private static final long MOST_UNTAKEN_BYTES = 256 * 1024;

    @Override
    public void postInitializeServerChildChannel(Channel channel) {
        channel.pipeline().addFirst(new Patience());
    }

    /** Of one connection. */
    private static final class Patience extends ChannelInboundHandlerAdapter {

        private static final byte TLS_HANDSHAKE = 22;

        private Future<?> deadline;
        private boolean begun;
        private boolean lineHasText;

        @Override
        public void handlerAdded(ChannelHandlerContext context) {
            deadline = context.executor().schedule(() -> context.close(), PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            deadline.cancel(false);
            context.fireChannelInactive();
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (context.channel().bytesBeforeWritable() > MOST_UNTAKEN_BYTES) {
                ReferenceCountUtil.release(message);
                context.close();
                return;
            }
            if (!deadline.isDone() && message instanceof ByteBuf bytes && endsHead(bytes)) {
                deadline.cancel(false);
            }
            context.fireChannelRead(message);
        }

        /** A head ends with an empty line after others. What is encrypted can't be judged. */
        private boolean endsHead(ByteBuf bytes) {
            for (int i = bytes.readerIndex(); i < bytes.writerIndex(); i++) {
                byte next = bytes.getByte(i);
                if (next == '\n') {
                    if (begun && !lineHasText) {
                        return true;
                    }
                    lineHasText = false;
                } else if (next != '\r') {
                    if (!begun && next == TLS_HANDSHAKE) {
                        return true;
                    }
                    begun = true;
                    lineHasText = true;
                }
            }
            return false;
        }
    }
}

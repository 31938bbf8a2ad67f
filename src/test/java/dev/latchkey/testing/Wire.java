package dev.latchkey.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A piece of network between two programs, which can be slow, swallow what is sent, or break. */
public final class Wire implements AutoCloseable {

    /** What becomes of what is sent. */
    public enum State {
        WHOLE,
        /** Each piece arrives so much later. */
        SLOW,
        /** Nothing arrives, and nobody is told; new connections are accepted. */
        DEAD,
        /** Requests arrive, answers don't. */
        MUTE
    }

    private static final int DELAY_MILLIS = 30;

    private final ServerSocket entrance;
    private final int exit;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Set<Socket> ends = ConcurrentHashMap.newKeySet();
    private volatile State state = State.WHOLE;

    /** A wire to a port of this machine. */
    public static Wire to(int port) {
        try {
            return new Wire(new ServerSocket(0, 500, InetAddress.getLoopbackAddress()), port);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Wire(ServerSocket entrance, int exit) {
        this.entrance = entrance;
        this.exit = exit;
        threads.submit(this::accept);
    }

    public int port() {
        return entrance.getLocalPort();
    }

    /** From now on; what was swallowed before stays lost. */
    public void turn(State state) {
        this.state = state;
    }

    /** Breaks all connections at once; new ones can be made. */
    public void cut() {
        ends.removeIf(
                end -> { // one that is being made meanwhile stays there for the next time
                    hangUp(end);
                    return true;
                });
    }

    private void accept() {
        while (!entrance.isClosed()) {
            try {
                Socket near = entrance.accept();
                Socket far = new Socket();
                ends.add(near);
                ends.add(far);
                threads.submit(() -> connect(near, far));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void connect(Socket near, Socket far) {
        try {
            near.setTcpNoDelay(true);
            far.setTcpNoDelay(true);
            far.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), exit));
            threads.submit(() -> carry(near, far, false));
            carry(far, near, true);
        } catch (IOException e) {
            hangUp(near);
        }
    }

    private void carry(Socket from, Socket to, boolean back) {
        try (InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            byte[] piece = new byte[16 * 1024];
            for (int length = in.read(piece); length >= 0; length = in.read(piece)) {
                State now = state;
                if (now == State.SLOW) {
                    Thread.sleep(DELAY_MILLIS);
                }
                if (now == State.WHOLE || now == State.SLOW || now == State.MUTE && !back) {
                    out.write(piece, 0, length);
                }
            }
        } catch (IOException e) {
            // broken: the other side is to see it
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            hangUp(from);
            hangUp(to);
            ends.remove(from);
            ends.remove(to);
        }
    }

    private static void hangUp(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // it is gone in any case
        }
    }

    @Override
    public void close() {
        hangUpEntrance();
        cut();
        threads.shutdownNow();
    }

    private void hangUpEntrance() {
        try {
            entrance.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

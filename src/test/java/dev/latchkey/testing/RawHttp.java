package dev.latchkey.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;

/** Sends what no HTTP client would, each time through a connection of its own; a character is a byte. */
public final class RawHttp {

    /** For how long nothing comes from a service that waits for the rest of a request. */
    private static final int QUIET_MILLIS = 250;

    /** How long an answer takes at most, or the hanging-up after the client has said that nothing follows. */
    private static final int LONGEST_MILLIS = 30_000;

    private RawHttp() {}

    /** Sends a whole request that asks to hang up after its answer; returns all that comes until then. */
    public static String whole(int port, String request) {
        return exchange(port, request, true);
    }

    /** Sends anything; when nothing comes back for a while, says that nothing follows, and waits for the other side to hang up. */
    public static String anything(int port, String request) {
        return exchange(port, request, false);
    }

    private static String exchange(int port, String request, boolean whole) {
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        try (Socket socket = new Socket("127.0.0.1", port)) {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(whole ? LONGEST_MILLIS : QUIET_MILLIS);
            try {
                socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
                read(socket, received);
            } catch (SocketTimeoutException e) {
                if (whole) {
                    throw e;
                }
                socket.shutdownOutput();
                socket.setSoTimeout(LONGEST_MILLIS);
                read(socket, received);
            }
        } catch (SocketException e) {
            // hung up on while there was more to read or to write: what came until then counts
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return received.toString(StandardCharsets.ISO_8859_1);
    }

    private static void read(Socket socket, ByteArrayOutputStream received) throws IOException {
        InputStream in = socket.getInputStream();
        byte[] buffer = new byte[8192];
        for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
            received.write(buffer, 0, length);
        }
    }
}

package dev.latchkey.http;

import dev.latchkey.audit.Client;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SocketAddress;

/** Tells who made a request. */
public final class Clients {

    private Clients() {}

    public static Client of(HttpServerRequest request) {
        SocketAddress address = request.remoteAddress();
        String ip = address.hostAddress() == null ? address.host() : address.hostAddress();
        return Client.of(ip, request.getHeader("User-Agent"));
    }
}

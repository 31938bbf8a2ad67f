package dev.latchkey.http;

import dev.latchkey.audit.Client;
import io.smallrye.common.net.CidrAddress;
import io.smallrye.common.net.Inet;
import io.vertx.core.http.HttpServerRequest;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Tells who made a request: whoever is connected or, where that is a trusted proxy, whom it speaks for. */
@ApplicationScoped
public class Clients {

    private static final String FORWARDED_FOR = "X-Forwarded-For";
    private static final Pattern WITH_PORT = Pattern.compile("^(\\[[^]]+]|[^:]+):\\d+$");

    private final List<CidrAddress> trusted;

    Clients(@ConfigProperty(name = "latchkey.trusted-proxies") Optional<List<String>> trusted) {
        this.trusted = trusted.orElse(List.of()).stream()
                .map(proxy -> network(proxy.strip()))
                .toList();
    }

    public Client of(HttpServerRequest request) {
        return Client.of(Inet.toOptimalString(address(request)), request.getHeader("User-Agent"));
    }

    /** Goes back from who is connected for as long as that is a trusted proxy; what is further back, anybody may have written. */
    private InetAddress address(HttpServerRequest request) {
        InetAddress address = Inet.parseInetAddress(request.remoteAddress().hostAddress());
        String[] forwarded =
                String.join(",", request.headers().getAll(FORWARDED_FOR)).split(",");
        for (int hop = forwarded.length - 1; hop >= 0 && isTrusted(address); hop--) {
            InetAddress before = Inet.parseInetAddress(
                    WITH_PORT.matcher(forwarded[hop].strip()).replaceFirst("$1"));
            if (before == null) {
                return address;
            }
            address = before;
        }
        return address;
    }

    private boolean isTrusted(InetAddress address) {
        return trusted.stream().anyMatch(network -> network.matches(address));
    }

    private static CidrAddress network(String proxy) {
        String alone = proxy.contains(":") ? "/128" : "/32";
        return Inet.parseCidrAddress(proxy.contains("/") ? proxy : proxy + alone);
    }
}

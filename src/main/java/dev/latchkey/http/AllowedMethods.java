package dev.latchkey.http;

import java.util.Set;
import java.util.TreeSet;
import org.jboss.resteasy.reactive.server.core.ResteasyReactiveRequestContext;
import org.jboss.resteasy.reactive.server.handlers.ClassRoutingHandler;
import org.jboss.resteasy.reactive.server.handlers.RestInitialHandler.InitialMatch;
import org.jboss.resteasy.reactive.server.mapping.RequestMapper;
import org.jboss.resteasy.reactive.server.mapping.RequestMapper.RequestMatch;
import org.jboss.resteasy.reactive.server.spi.ServerRestHandler;

/** The methods that the path of a request has: RESTEasy knows them, but does not say them when it answers 405. */
final class AllowedMethods {

    private AllowedMethods() {}

    static Set<String> of(ResteasyReactiveRequestContext request) {
        RequestMatch<InitialMatch> match =
                new RequestMapper<>(request.getDeployment().getClassMappers()).map(request.getPathWithoutPrefix());
        Set<String> methods = new TreeSet<>();
        for (ServerRestHandler handler : match == null ? new ServerRestHandler[0] : match.value.handlers) {
            if (handler instanceof ClassRoutingHandler routing) {
                String remaining = match.remaining.isEmpty() ? "/" : match.remaining;
                routing.getMappers().forEach((method, paths) -> {
                    if (method != null && paths.map(remaining) != null) {
                        methods.add(method);
                    }
                });
            }
        }
        if (methods.contains("GET")) {
            methods.add("HEAD");
        }
        return methods;
    }
}

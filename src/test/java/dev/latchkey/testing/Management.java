package dev.latchkey.testing;

import org.eclipse.microprofile.config.ConfigProvider;

/** The management port of the service under test. */
public final class Management {

    /** Where {@link PackagedDatabase} says that it is. */
    static final String PORT_PROPERTY = "latchkey.test.management-port";

    private Management() {}

    public static Api api() {
        return Api.at(
                "http://localhost:" + ConfigProvider.getConfig().getValue("quarkus.management.port", Integer.class));
    }

    /** The value of a metric's line that begins with the given text, labels included; 0 if there is none yet. */
    public static double metric(String line) {
        return metric(api(), line);
    }

    /** The same of a service at another place. */
    public static double metric(Api management, String line) {
        Answer scrape = management.send(management.request("/q/metrics"));
        return scrape.body()
                .lines()
                .filter(each -> each.startsWith(line))
                .map(each -> each.substring(each.lastIndexOf(' ') + 1))
                .mapToDouble(Double::parseDouble)
                .findFirst()
                .orElse(0);
    }
}

package dev.latchkey.reliability;

import dev.latchkey.testing.Settings;
import dev.latchkey.testing.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.stream.Collectors;

/** Debian's nginx before several replicas; whatever fails at one is asked again at the next. */
final class Nginx implements AutoCloseable {

    private final int port = Settings.freePort();
    private final Process process;

    Nginx(Collection<Integer> replicas) {
        String servers = replicas.stream()
                .map(replica -> "server 127.0.0.1:" + replica + " max_fails=1 fail_timeout=1s;")
                .collect(Collectors.joining("\n    "));
        String configuration = """
                daemon off;
                master_process off;
                pid nginx.pid;
                error_log error.log;
                events { worker_connections 2000; }
                http {
                  access_log off;
                  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                  upstream latchkey {
                    %s
                    keepalive 32;
                  }
                  server {
                    listen 127.0.0.1:%d;
                    keepalive_requests 1000000;
                    location / {
                      proxy_pass http://latchkey;
                      proxy_http_version 1.1;
                      proxy_set_header Connection "";
                      proxy_connect_timeout 1s;
                      proxy_read_timeout 15s;
                      proxy_next_upstream error timeout http_502 http_503 non_idempotent;
                    }
                  }
                }
                """.formatted(servers, port);
        try {
            Path folder = Files.createTempDirectory(Path.of("target"), "nginx-").toAbsolutePath();
            Files.writeString(folder.resolve("nginx.conf"), configuration);
            process = new ProcessBuilder("nginx", "-p", folder.toString(), "-c", "nginx.conf")
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("output").toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException("these tests need Debian's package nginx", e);
        }
        Waiting.untilListening(port);
    }

    String base() {
        return "http://127.0.0.1:" + port;
    }

    @Override
    public void close() {
        process.destroy();
        Waiting.forEnd(process, Duration.ofSeconds(5));
    }
}

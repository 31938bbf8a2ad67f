package bench;

import java.time.Duration;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.JdbcOperations;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.crypto.password.NoOpPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.server.authorization.JdbcOAuth2AuthorizationService;
import org.springframework.security.oauth2.server.authorization.OAuth2AuthorizationService;
import org.springframework.security.oauth2.server.authorization.client.JdbcRegisteredClientRepository;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClient;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClientRepository;
import org.springframework.security.oauth2.server.authorization.settings.TokenSettings;

/**
 * Spring Authorization Server as its documentation sets it up, with its JDBC store. What is not here is Spring Boot's
 * default: the filter chains with the form login, and an RSA key of 2048 bits that signs access tokens (RS256).
 */
@SpringBootApplication
class AuthorizationServer {

    /** What users log in with, and the client's secret. */
    private static final String SECRET = "bench-secret";

    public static void main(String[] arguments) {
        SpringApplication.run(AuthorizationServer.class, arguments);
    }

    /** One confidential client: public ones get no refresh tokens. Saving it again at each start changes nothing. */
    @Bean
    RegisteredClientRepository clients(JdbcOperations database, PasswordEncoder encoder) {
        var clients = new JdbcRegisteredClientRepository(database);
        clients.save(RegisteredClient.withId("bench")
                .clientId("bench")
                .clientSecret(encoder.encode(SECRET))
                .clientAuthenticationMethod(ClientAuthenticationMethod.CLIENT_SECRET_BASIC)
                .authorizationGrantType(AuthorizationGrantType.AUTHORIZATION_CODE)
                .authorizationGrantType(AuthorizationGrantType.REFRESH_TOKEN)
                .redirectUri("http://127.0.0.1/signed-in")
                .scope("profile")
                .tokenSettings(TokenSettings.builder()
                        .reuseRefreshTokens(false)
                        .refreshTokenTimeToLive(Duration.ofDays(1))
                        .build())
                .build());
        return clients;
    }

    /** The sessions and their tokens. Without this bean they would be kept in memory. */
    @Bean
    OAuth2AuthorizationService sessions(JdbcOperations database, RegisteredClientRepository clients) {
        return new JdbcOAuth2AuthorizationService(database, clients);
    }

    /** Any name is a user; logging in isn't measured. */
    @Bean
    UserDetailsService users(PasswordEncoder encoder) {
        String password = encoder.encode(SECRET);
        return name -> User.withUsername(name).password(password).roles("USER").build();
    }

    /**
     * Compares secrets as they are, as Keycloak does. Each refresh authenticates the client: the default encoder (bcrypt)
     * would take more processor time than all the rest, and a long random secret needs no slow hash.
     */
    @Bean
    @SuppressWarnings("deprecation")
    PasswordEncoder encoder() {
        return NoOpPasswordEncoder.getInstance();
    }
}

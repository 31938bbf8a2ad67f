package dev.latchkey;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.sql.Statement;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The arrows between the packages. */
class ArchitectureTest {

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.latchkey");

    private static final Set<String> CANCELLING = Set.of("cancel", "setQueryTimeout");

    private static void check(ArchRule rule) {
        rule.check(CLASSES);
    }

    @Test
    void packages_use_only_those_below_them() {
        check(Architectures.layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage("dev.latchkey..")
                .layer("boot")
                .definedBy("dev.latchkey.boot")
                .layer("refresh")
                .definedBy("dev.latchkey.refresh")
                .layer("account")
                .definedBy("dev.latchkey.account")
                .layer("session")
                .definedBy("dev.latchkey.session")
                .layer("cleanup")
                .definedBy("dev.latchkey.cleanup")
                .layer("access")
                .definedBy("dev.latchkey.access")
                .layer("token")
                .definedBy("dev.latchkey.token")
                .layer("http")
                .definedBy("dev.latchkey.http")
                .layer("audit")
                .definedBy("dev.latchkey.audit")
                .layer("database")
                .definedBy("dev.latchkey.database")
                .layer("ops")
                .definedBy("dev.latchkey.ops")
                .whereLayer("boot")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("refresh")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("session")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("account")
                .mayOnlyBeAccessedByLayers("boot")
                .whereLayer("cleanup")
                .mayOnlyBeAccessedByLayers("boot")
                .whereLayer("access")
                .mayOnlyBeAccessedByLayers("refresh", "account", "session", "boot")
                .whereLayer("token")
                .mayOnlyBeAccessedByLayers("refresh", "account", "session", "cleanup", "access", "boot")
                .whereLayer("http")
                .mayOnlyBeAccessedByLayers("refresh", "account", "session", "access")
                .whereLayer("database")
                .mayNotAccessAnyLayer()
                .whereLayer("ops")
                .mayNotAccessAnyLayer()
                .whereLayer("audit")
                .mayOnlyAccessLayers("database")
                .whereLayer("http")
                .mayOnlyAccessLayers("audit", "database", "ops"));
    }

    @Test
    void packages_form_no_circle() {
        check(SlicesRuleDefinition.slices()
                .matching("dev.latchkey.(*)..")
                .should()
                .beFreeOfCycles());
    }

    @Test
    void tokens_know_no_http() {
        check(noClasses()
                .that()
                .resideInAnyPackage("dev.latchkey.token", "dev.latchkey.audit", "dev.latchkey.database")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("jakarta.ws.rs..", "io.vertx.core.http..", "io.vertx.ext.web.."));
    }

    @Test
    void only_resources_and_what_makes_their_answers_use_the_wire_format() {
        check(noClasses()
                .that()
                .haveSimpleNameNotEndingWith("Resource")
                .and(DescribedPredicate.not(isOrBelongsTo("dev.latchkey.access.AccessTokens")))
                .and()
                .resideOutsideOfPackage("dev.latchkey.http")
                .and(DescribedPredicate.not(isInsideAResource()))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.latchkey.http"));
    }

    /** PostgreSQL answers a commit that is cancelled while it waits for a standby as if it had reached it. */
    @Test
    void nothing_cancels_a_statement() {
        check(noClasses()
                .should()
                .callMethodWhere(DescribedPredicate.describe(
                        "a statement is cancelled",
                        call -> call.getTargetOwner().isAssignableTo(Statement.class)
                                && CANCELLING.contains(call.getName()))));
    }

    @Test
    void names_say_what_a_class_is_for() {
        check(noClasses().should().haveNameMatching(".*(Impl|Service|Manager|Helper|Util|Utils)"));
    }

    private static DescribedPredicate<JavaClass> isInsideAResource() {
        return DescribedPredicate.describe(
                "inside a resource", each -> each.getName().contains("Resource$"));
    }

    private static DescribedPredicate<JavaClass> isOrBelongsTo(String name) {
        return DescribedPredicate.describe("of " + name, each -> each.getName().startsWith(name));
    }
}

package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class DataPlaneTest {

    @Test
    void aWordMayBeEmptyAlsoTheLast() {
        assertThat(DataPlane.words("java\0\0serve\0a b\0\0")).containsExactly("java", "", "serve", "a b", "");
    }

    @Test
    void theUsersOwnFlagsComeLastAndWin() {
        List<String> all =
                DataPlane.withFlags(List.of("java", "-Xmx1g", "--module", "redoubt.cli/redoubt.cli.Main", "serve"));

        assertThat(all.getFirst()).isEqualTo("java");
        assertThat(all.indexOf("-Xmx16m")).isBetween(1, all.indexOf("-Xmx1g") - 1);
        assertThat(all).endsWith("-Xmx1g", "--module", "redoubt.cli/redoubt.cli.Main", "serve");
    }

    /** The virtual machine takes a name that is not there without a word. */
    @Test
    void whatIsCompiledApartIsThere() throws ClassNotFoundException {
        for (String named : DataPlane.COMPILED_APART) {
            String[] parts = named.split("::", 2);
            Method[] methods = Class.forName(parts[0]).getDeclaredMethods();

            assertThat(Arrays.stream(methods).map(Method::getName))
                    .as(named)
                    .anyMatch(name -> parts[1].equals("*") || name.equals(parts[1]));
        }
    }

    /** Whoever reads what {@code serve} prints, reads where it serves first. */
    @Test
    void theMachineIsToldToBeQuietBeforeItIsToldAnythingToBeQuietAbout() {
        List<String> commands = DataPlane.withFlags(List.of("java", "serve")).stream()
                .filter(flag -> flag.startsWith("-XX:CompileCommand="))
                .toList();

        assertThat(commands).hasSize(DataPlane.COMPILED_APART.size() + 1).startsWith("-XX:CompileCommand=quiet");
    }
}

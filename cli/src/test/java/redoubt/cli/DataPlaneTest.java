package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

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
        assertThat(all.indexOf("-Xmx20m")).isBetween(1, all.indexOf("-Xmx1g") - 1);
        assertThat(all).endsWith("-Xmx1g", "--module", "redoubt.cli/redoubt.cli.Main", "serve");
    }
}

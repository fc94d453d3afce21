package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What README tells a user to type does what it says, from the first line to the last. */
@Interop
class ReadmeTest {

    private static final Duration LIMIT = Duration.ofMinutes(5);

    /** Goal: the arrays that README makes can be lived with. Method: its blocks, pasted into bash in their order, with a link to the launcher. */
    @Test
    @Timeout(value = 6, unit = TimeUnit.MINUTES)
    void whatIsSaidOfAnArrayCanBePasted() throws IOException {
        Peer.require(Peer.LOSETUP);
        Mounts.require();
        String readme = Files.readString(Checkout.root().resolve("README.md"));
        String part = readme.substring(
                readme.indexOf("Make an array, and live with it:"), readme.indexOf("See the hang that all this"));
        StringBuilder pasted = new StringBuilder("trap 'kill $(jobs -p) 2>/dev/null || :; wait' EXIT\n");
        Matcher blocks = Pattern.compile("(?ms)^```\\n(.*?)^```$").matcher(part);
        int found = 0;
        while (blocks.find()) {
            pasted.append(blocks.group(1));
            found++;
        }
        assertThat(found).isEqualTo(4);
        try (Scratch scratch = Scratch.make()) {
            Redoubt redoubt = Redoubt.in(scratch);
            Files.createSymbolicLink(scratch.file("redoubt"), Checkout.root().resolve("redoubt"));
            Command bash = Command.of("bash", "-e", "-c", pasted.toString())
                    .in(scratch.folder())
                    .within(LIMIT);
            redoubt.environment().forEach(bash::env);
            Outcome outcome = bash.run().mustSucceed();
            assertThat(outcome.out())
                    .contains("nbd+unix:///vol0", "vol0 : active raid1", "(slot 1) has failed", "DegradedArray")
                    .contains("vol0 is stopped, and its members say that it is clean")
                    .contains("vol1 is stopped, and its members say that it is clean");
        }
    }
}

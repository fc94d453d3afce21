package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The judge is itself judged: what the guest says about Redoubt is worth as much as this. */
@Interop
class LinuxGuestTest {
    private static final long IMAGE_BYTES = 8 << 20;

    @Test
    void tellsHowAScriptEnded(LinuxGuest guest) {
        Outcome outcome = guest.run("uname -s; printf 'no end of line'; exit 7");
        assertThat(outcome.exitCode()).isEqualTo(7);
        assertThat(outcome.out()).isEqualTo("Linux\nno end of line");
    }

    @Test
    void stopsAScriptAtItsFirstFailure(LinuxGuest guest) {
        Outcome outcome = guest.run("echo before; false; echo after");
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.out().strip()).isEqualTo("before");
    }

    @Test
    void namesDisksInTheOrderInWhichTheyArePluggedIn(LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            for (int round = 1; round <= 2; round++) {
                Path first = Content.pattern(scratch.file("first" + round), IMAGE_BYTES, round);
                Path second = Content.pattern(scratch.file("second" + round), 2 * IMAGE_BYTES, 10 * round);
                String sums = guest.runOn(List.of(first, second), "sha256sum /dev/vda /dev/vdb")
                        .mustSucceed()
                        .out();
                assertThat(sums).contains(Content.sha256(first) + "  /dev/vda", Content.sha256(second) + "  /dev/vdb");
            }
        }
    }

    @Test
    void writesOfTheGuestAreInTheImageOnceItIsOut(LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            Path from = Content.pattern(scratch.file("from"), IMAGE_BYTES, 3);
            Path to = scratch.sparse("to", IMAGE_BYTES);
            guest.runOn(List.of(from, to), "dd if=/dev/vda of=/dev/vdb bs=1M conv=fsync")
                    .mustSucceed();
            assertThat(Content.sha256(to)).isEqualTo(Content.sha256(from));
        }
    }

    /** Goal: IMSM knows a virtio disk by its name. Method: let mdadm write a container, and read back what it wrote. */
    @Test
    void givesDisksTheirDeviceNamesForSerials(LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            List<Path> images = List.of(scratch.sparse("0", IMAGE_BYTES), scratch.sparse("1", IMAGE_BYTES));
            String examined = guest.runOn(images, """
                    mdadm --create /dev/md/container --metadata imsm --raid-devices 2 /dev/vda /dev/vdb
                    mdadm --examine /dev/vda; mdadm --examine /dev/vdb
                    md_stop""").mustSucceed().out();
            assertThat(examined).contains("Serial : /dev/vda", "Serial : /dev/vdb");
        }
    }

    /** Goal: a hung kernel costs one test, not the run. Method: a script that never ends, in a guest of its own. */
    @Test
    void givesUpAGuestWhoseScriptHangs() {
        try (LinuxGuest guest = LinuxGuest.boot()) {
            assertThatThrownBy(() -> guest.run("echo 'still here'; sleep 1000", Duration.ofSeconds(1)))
                    .isInstanceOf(TimeLimitPassed.class)
                    .hasMessageContaining("still here");
            assertThat(guest.isGivenUp()).isTrue();
        }
    }
}

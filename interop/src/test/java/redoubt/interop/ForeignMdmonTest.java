package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The mdmon of Debian's mdadm, as it is, keeps the metadata of an array of ours, through what {@code redoubt mdmon --exec} shows it. */
@Interop
class ForeignMdmonTest {

    private static final int LOST = 1;

    @BeforeAll
    static void needsPeers() {
        DaemonRig.needsPeers();
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void keepsTheMetadataOfAMirror(LinuxGuest guest) throws Exception {
        keepsTheMetadata(Level.RAID1, guest);
    }

    @Test
    @Tag("soak")
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void keepsTheMetadataOfARaid5(LinuxGuest guest) throws Exception {
        keepsTheMetadata(Level.RAID5, guest);
    }

    /**
     * Goal: it does for our array what it does for Linux', and the members say so to mdadm. Method: one life of an array; that no write is let go before the
     * dirty mark is seen by stopping the daemon while a write waits, with no deadline.
     */
    private static void keepsTheMetadata(Level level, LinuxGuest guest) throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array;
            Path content;
            try (DaemonRig rig = DaemonRig.start(scratch, level, "0")) {
                array = rig.array();
                assertThat(rig.md("array_state")).isEqualTo("readonly");
                Process daemon = rig.startDaemon();
                assertThat(rig.md("array_state")).isEqualTo("read-auto");
                assertThat(rig.ping()).contains("4.");
                rig.store("safe_mode_delay", "60");
                content = Content.pattern(scratch.file("content"), rig.volumeBytes(), 1);

                rig.signal("STOP");
                Process writer = rig.write(content);
                rig.awaitState("write-pending");
                assertThat(rig.volumeField("Dirty State", rig.allMembers())).containsOnly("clean");
                assertThat(writer.isAlive()).isTrue();
                rig.signal("CONT");
                assertThat(writer.waitFor()).isZero();
                assertThat(rig.volumeField("Dirty State", rig.allMembers())).containsOnly("dirty");

                rig.store("safe_mode_delay", "0.1");
                rig.awaitState("clean");
                Await.until(
                        "the members say clean",
                        DaemonRig.LIMIT,
                        () -> rig.volumeField("Dirty State", rig.allMembers())
                                .equals(Collections.nCopies(level.members, "clean")));

                rig.store("rd" + LOST + "/state", "faulty");
                Await.until("the daemon removes the member", DaemonRig.LIMIT, () -> !rig.has("rd" + LOST));
                assertThat(rig.examine(0).disks().get(LOST)).containsEntry("State", "active failed");
                assertThat(rig.volumeField("Map State", 0)).containsExactly("degraded");
                assertThat(rig.write(content).waitFor()).isZero();
                rig.awaitState("clean");

                daemon.destroy();
                assertThat(daemon.waitFor(DaemonRig.LIMIT.toSeconds(), TimeUnit.SECONDS))
                        .isTrue();
                assertThat(daemon.exitValue()).isZero();
                Await.until(
                        "its devices are gone",
                        DaemonRig.LIMIT,
                        () -> rig.loops().isEmpty());
                rig.served().stop().mustSucceed();
            }
            linuxFindsIt(guest, array, content);
        }
    }

    private static void linuxFindsIt(LinuxGuest guest, RedoubtArray array, Path content) {
        int members = array.images().size();
        java.util.List<Path> disks = new java.util.ArrayList<>(array.images());
        disks.add(content);
        guest.runOn(disks, """
                md_start MEMBERS
                cat /proc/mdstat
                md=$(md_of v)
                mdmon_runs
                md_says $md array_state clean || md_says $md array_state read-auto
                md_says $md degraded 1
                cmp /dev/$md CONTENT
                md_stop""".replace(
                                "MEMBERS",
                                IntStream.range(0, members)
                                        .mapToObj(LinuxGuest::device)
                                        .collect(Collectors.joining(" ")))
                        .replace("CONTENT", LinuxGuest.device(members)))
                .mustSucceed();
    }
}

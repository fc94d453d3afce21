package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The mdmon of Debian's mdadm, as it is, keeps the metadata of an array of ours, through what {@code redoubt mdmon --exec} shows it. Ours does the same
 * through the same mount, by the same measure.
 */
@Interop
class ForeignMdmonTest {

    private static final int LOST = 1;
    private static final String DIRTY = "Dirty State";
    private static final String SECOND = "w";

    @BeforeAll
    static void needsPeers() {
        DaemonRig.needsPeers();
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void keepsTheMetadataOfAMirror(LinuxGuest guest) throws Exception {
        keepsTheMetadata(Level.RAID1, DaemonRig.Whose.MDADMS, guest);
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void keepsTheMetadataOfARaid5(LinuxGuest guest) throws Exception {
        keepsTheMetadata(Level.RAID5, DaemonRig.Whose.MDADMS, guest);
    }

    /** Goal: what is done for one of two volumes is not done to the other, but for a failed disk, which both have. */
    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void keepsTheMetadataOfTwoVolumes(LinuxGuest guest) throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.createTwoMirrors(scratch, SECOND, "--assume-clean");
            keepsTheMetadata(scratch, array, List.of(RedoubtArray.VOLUME, SECOND), DaemonRig.Whose.MDADMS, guest);
        }
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void oursKeepsTheMetadataOfAMirrorThroughTheMount(LinuxGuest guest) throws Exception {
        keepsTheMetadata(Level.RAID1, DaemonRig.Whose.OURS_MOUNTED, guest);
    }

    /** Goal: who dies while nothing is written is missed at once, by its doors, so that the next one can come in. */
    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void oursIsMissedAtOnceWhenItIsKilled() throws Exception {
        try (Scratch scratch = Scratch.make();
                DaemonRig rig = DaemonRig.start(scratch, Level.RAID1, "0", DaemonRig.Whose.OURS_MOUNTED)) {
            rig.startDaemon();
            rig.killDaemon();
            Await.until("it is missed", DaemonRig.LIMIT, () -> rig.standing().equals("fenced"));
            rig.startDaemon();
            assertThat(rig.write(Content.pattern(scratch.file("content"), 1 << 20, 1))
                            .waitFor())
                    .isZero();
        }
    }

    private static void keepsTheMetadata(Level level, DaemonRig.Whose whose, LinuxGuest guest) throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            keepsTheMetadata(scratch, array, List.of(RedoubtArray.VOLUME), whose, guest);
        }
    }

    /**
     * Goal: it does for our array what it does for Linux', and the members say so to mdadm. Method: one life of an array; that no write is let go before the
     * dirty mark is seen by stopping the daemon while a write waits, with no deadline.
     */
    private static void keepsTheMetadata(
            Scratch scratch, RedoubtArray array, List<String> volumes, DaemonRig.Whose whose, LinuxGuest guest)
            throws Exception {
        List<Path> contents = new ArrayList<>();
        try (DaemonRig rig = DaemonRig.start(scratch, array, volumes, "0", whose)) {
            assertThat(states(rig, volumes)).containsOnly("readonly");
            Process daemon = rig.startDaemon();
            for (int volume = 0; volume < volumes.size(); volume++) {
                rig.awaitState(volume, "read-auto");
            }
            assertThat(rig.ping()).contains(whose == DaemonRig.Whose.MDADMS ? "4." : "mdmon");

            for (int volume = 0; volume < volumes.size(); volume++) {
                rig.store(volume, "safe_mode_delay", "60");
                Path content = Content.pattern(scratch.file("content" + volume), rig.volumeBytes(volume), 1 + volume);
                contents.add(content);
                rig.signal("STOP");
                Process writer = rig.write(volume, content);
                rig.awaitState(volume, "write-pending");
                assertThat(rig.volumeField(volume, DIRTY, rig.allMembers())).containsOnly("clean");
                assertThat(writer.isAlive()).isTrue();
                rig.signal("CONT");
                assertThat(writer.waitFor()).isZero();
                assertThat(rig.volumeField(volume, DIRTY, rig.allMembers())).containsOnly("dirty");
                for (int later = volume + 1; later < volumes.size(); later++) {
                    assertThat(rig.volumeField(later, DIRTY, rig.allMembers())).containsOnly("clean");
                }
            }

            for (int volume = 0; volume < volumes.size(); volume++) {
                int which = volume;
                rig.store(volume, "safe_mode_delay", "0.1");
                rig.awaitState(volume, "clean");
                Await.until(
                        "the members say clean",
                        DaemonRig.LIMIT,
                        () -> Set.copyOf(rig.volumeField(which, DIRTY, rig.allMembers()))
                                .equals(Set.of("clean")));
            }

            rig.store("rd" + LOST + "/state", "faulty");
            for (int volume = 0; volume < volumes.size(); volume++) {
                int which = volume;
                Await.until("the daemon removes the member", DaemonRig.LIMIT, () -> !rig.has(which, "rd" + LOST));
            }
            for (int volume = 0; volume < volumes.size(); volume++) {
                assertThat(rig.volumeField(volume, "Map State", 0)).containsExactly("degraded");
            }
            assertThat(rig.examine(0).disks().get(LOST)).containsEntry("State", "active failed");
            for (int volume = 0; volume < volumes.size(); volume++) {
                assertThat(rig.write(volume, contents.get(volume)).waitFor()).isZero();
                rig.awaitState(volume, "clean");
            }

            daemon.destroy();
            assertThat(daemon.waitFor(DaemonRig.LIMIT.toSeconds(), TimeUnit.SECONDS))
                    .isTrue();
            assertThat(daemon.exitValue()).isZero();
            Await.until(
                    "its devices are gone", DaemonRig.LIMIT, () -> rig.loops().isEmpty());
            rig.served().stop().mustSucceed();
        }
        linuxFindsThem(guest, array, volumes, contents);
    }

    private static List<String> states(DaemonRig rig, List<String> volumes) {
        return IntStream.range(0, volumes.size())
                .mapToObj(volume -> rig.md(volume, "array_state"))
                .toList();
    }

    private static void linuxFindsThem(
            LinuxGuest guest, RedoubtArray array, List<String> volumes, List<Path> contents) {
        int members = array.images().size();
        List<Path> disks = new ArrayList<>(array.images());
        disks.addAll(contents);
        StringBuilder script = new StringBuilder("md_start MEMBERS\ncat /proc/mdstat\nmdmon_runs\n"
                .replace(
                        "MEMBERS",
                        IntStream.range(0, members).mapToObj(LinuxGuest::device).collect(Collectors.joining(" "))));
        for (int volume = 0; volume < volumes.size(); volume++) {
            script.append(
                    """
                    md=$(md_of VOLUME)
                    md_says $md array_state clean || md_says $md array_state read-auto
                    md_says $md degraded 1
                    cmp /dev/$md CONTENT
                    """.replace("VOLUME", volumes.get(volume)).replace("CONTENT", LinuxGuest.device(members + volume)));
        }
        guest.runOn(disks, script.append("md_stop").toString()).mustSucceed();
    }
}

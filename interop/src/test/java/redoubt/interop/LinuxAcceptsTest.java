package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * Linux takes what Redoubt wrote. Every array here is created and written by Redoubt, brought into one of the states in
 * which a disk may change hands, and then run by the kernel's md under mdmon: it must hold what was written, agree with
 * itself, and take new content, which Redoubt must then read.
 */
@Interop
class LinuxAcceptsTest {
    private static final int FIRST = 1;
    private static final int SECOND = 2;
    private static final int BY_LINUX = 3;

    /** A member that every redundant level here can miss. */
    private static final int LOST = 1;

    @BeforeAll
    static void needsClients() {
        Peer.require(Peer.NBDCOPY, Peer.NBDINFO);
    }

    @ParameterizedTest
    @EnumSource
    @Execution(ExecutionMode.CONCURRENT)
    void takesACleanArray(Level level, LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            Path content;
            try (RedoubtProcess served = array.serve()) {
                content = write(served, RedoubtArray.VOLUME, FIRST, scratch);
                served.stop().mustSucceed();
            }
            linuxReadsChecksAndWrites(
                    guest,
                    array,
                    content,
                    scratch,
                    level,
                    "md_says $md array_state clean || md_says $md array_state read-auto");
        }
    }

    /** Without {@code --assume-clean} the copies and the parity of a new volume are unproven, and Linux proves them. */
    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "RAID0")
    @Execution(ExecutionMode.CONCURRENT)
    void bringsANewVolumeInSync(Level level, LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level);
            Path content;
            try (RedoubtProcess served = array.serve()) {
                content = write(served, RedoubtArray.VOLUME, FIRST, scratch);
                served.stop().mustSucceed();
            }
            linuxReadsChecksAndWrites(guest, array, content, scratch, level, "");
        }
    }

    /** The server dies (SIGKILL) with the volume dirty and all writes flushed: no byte may be lost, and parity agrees. */
    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "RAID0")
    @Execution(ExecutionMode.CONCURRENT)
    void takesADirtyArray(Level level, LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            Path content;
            try (RedoubtProcess served = array.serve()) {
                content = write(served, RedoubtArray.VOLUME, FIRST, scratch);
                served.kill();
            }
            // mdadm is asked before the volume runs: then the resync begins, and the metadata tells of that instead.
            int members = array.images().size();
            guest.runOn(array.images(), """
                    for disk in MEMBERS; do
                      mdadm --examine $disk | grep 'Dirty State : dirty' || { mdadm --examine $disk; exit 1; }
                    done""".replace("MEMBERS", devices(members)))
                    .mustSucceed();
            // mdmon sees the mark and lets the array write, and so be mended, without being asked.
            linuxReadsChecksAndWrites(guest, array, content, scratch, level, """
                    wait_for 120 'the resync' md_says $md resync_start none
                    wait_for 60 'the end of the resync' md_says $md sync_action idle
                    echo "mismatch_cnt after the resync: $(md_attribute $md mismatch_cnt)"
                    md_says $md mismatch_cnt 0""");
        }
    }

    /** A member is failed while Redoubt serves, and then all content changes: what it still holds must not be read. */
    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "RAID0")
    @Execution(ExecutionMode.CONCURRENT)
    void takesAnArrayWithAFailedMember(Level level, LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            Path content;
            try (RedoubtProcess served = array.serve()) {
                write(served, RedoubtArray.VOLUME, FIRST, scratch);
                array.redoubt()
                        .command(
                                "fail",
                                "--control",
                                served.control().toString(),
                                RedoubtArray.VOLUME,
                                LinuxGuest.device(LOST))
                        .run()
                        .mustSucceed();
                content = write(served, RedoubtArray.VOLUME, SECOND, scratch);
                served.stop().mustSucceed();
            }
            linuxReadsChecksAndWrites(guest, array, content, scratch, level, "md_says $md degraded 1");
        }
    }

    /** A member is away while Redoubt serves, and is back when Linux comes: it is stale, and must not be read. */
    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "RAID0")
    @Execution(ExecutionMode.CONCURRENT)
    void takesAnArrayWhoseMemberWasAway(Level level, LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            Path content;
            try (RedoubtProcess served = array.serve()) {
                write(served, RedoubtArray.VOLUME, FIRST, scratch);
                served.stop().mustSucceed();
            }
            try (RedoubtProcess served = array.serveWithout(LOST, "--allow-degraded")) {
                content = write(served, RedoubtArray.VOLUME, SECOND, scratch);
                served.stop().mustSucceed();
            }
            linuxReadsChecksAndWrites(guest, array, content, scratch, level, "md_says $md degraded 1");
        }
    }

    /** Two volumes in one container, both served at once, one after the other written. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void takesAContainerWithTwoVolumes(LinuxGuest guest) {
        String second = "w";
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.createMatrix(scratch, second, "--assume-clean");
            Path mirrored;
            Path striped;
            try (RedoubtProcess served = array.serve()) {
                mirrored = write(served, RedoubtArray.VOLUME, FIRST, scratch);
                striped = write(served, second, SECOND, scratch);
                served.stop().mustSucceed();
            }
            Path newMirrored = Content.pattern(scratch.file("linux-v"), sizeOf(mirrored), BY_LINUX);
            Path newStriped = Content.pattern(scratch.file("linux-w"), sizeOf(striped), BY_LINUX + 1);
            List<Path> disks = new ArrayList<>(array.images());
            disks.addAll(List.of(mirrored, striped, newMirrored, newStriped));
            guest.runOn(disks, """
                    md_start /dev/vda /dev/vdb
                    cat /proc/mdstat
                    v=$(md_of v) w=$(md_of w)
                    mdmon_runs
                    cmp /dev/$v /dev/vdc
                    cmp /dev/$w /dev/vdd
                    md_check $v
                    dd if=/dev/vde of=/dev/$v bs=1M conv=fsync
                    dd if=/dev/vdf of=/dev/$w bs=1M conv=fsync
                    md_stop""").mustSucceed();
            assertThat(array.copied(scratch, RedoubtArray.VOLUME)).isEqualTo(Content.sha256(newMirrored));
            assertThat(array.copied(scratch, second)).isEqualTo(Content.sha256(newStriped));
        }
    }

    /** Fills a volume through NBD, flushed, and returns the file with what it holds now. */
    private static Path write(RedoubtProcess served, String volume, int writing, Scratch scratch) {
        String uri = served.uri(volume);
        long size = Long.parseLong(
                Peer.NBDINFO.command("--size", uri).run().mustSucceed().out().strip());
        Path content = Content.pattern(scratch.file("content-%s-%d".formatted(volume, writing)), size, writing);
        Peer.NBDCOPY.command("--flush", content.toString(), uri).run().mustSucceed();
        return content;
    }

    private static void linuxReadsChecksAndWrites(
            LinuxGuest guest, RedoubtArray array, Path content, Scratch scratch, Level level, String state) {
        Path newContent = Content.pattern(scratch.file("linux"), sizeOf(content), BY_LINUX);
        int members = array.images().size();
        List<Path> disks = new ArrayList<>(array.images());
        disks.addAll(List.of(content, newContent));
        guest.runOn(disks, """
                md_start MEMBERS
                cat /proc/mdstat
                md=$(md_of v)
                IF_REDUNDANT mdmon_runs
                STATE
                cmp /dev/$md CONTENT
                IF_REDUNDANT md_check $md
                dd if=NEW of=/dev/$md bs=1M conv=fsync
                IF_REDUNDANT md_check $md
                md_stop""".replace("MEMBERS", devices(members))
                        .replace("IF_REDUNDANT ", level.isRedundant ? "" : ": ")
                        .replace("STATE", state)
                        .replace("CONTENT", LinuxGuest.device(members))
                        .replace("NEW", LinuxGuest.device(members + 1)))
                .mustSucceed();
        assertThat(array.copied(scratch, RedoubtArray.VOLUME)).isEqualTo(Content.sha256(newContent));
    }

    /** The names that the guest gives to the first so many images that are plugged in. */
    private static String devices(int count) {
        return IntStream.range(0, count).mapToObj(LinuxGuest::device).collect(Collectors.joining(" "));
    }

    private static long sizeOf(Path file) {
        return file.toFile().length();
    }
}

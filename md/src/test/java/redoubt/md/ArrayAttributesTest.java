package redoubt.md;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.IoOperation;
import redoubt.kernfs.Access;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.kernfs.Outcome;

/** The attributes say what the array is, in the kernel's words, and tell of its changes. */
class ArrayAttributesTest {

    private static final int OWNER_WRITES = 0200;

    private final ArrayRig rig = new ArrayRig(false, 8);
    private final KernfsDirectory root = KernfsDirectory.root();

    @BeforeEach
    void plant() throws NodeRefused {
        ArrayAttributes attributes = attributes(rig, 0);
        Mdstat mdstat = new Mdstat(List.of(attributes));
        rig.array.addListener(mdstat);
        root.add(attributes.directory());
        root.add(mdstat.attribute());
    }

    private static ArrayAttributes attributes(ArrayRig rig, int layout) {
        return new ArrayAttributes("twins", rig.array, facts(layout), () -> false);
    }

    private static ArrayAttributes.Facts facts(int layout) {
        return new ArrayAttributes.Facts(
                "imsm",
                "00000001:00000002:00000003:00000004",
                layout,
                65536,
                Arrays.asList(
                        new ArrayAttributes.MemberFacts("disk0.img", "/tmp/disk0.img", "SER-0"),
                        new ArrayAttributes.MemberFacts("disk1.img", "/tmp/disk1.img", "")));
    }

    private String read(String path) throws NodeRefused {
        try (OpenFile file = root.attribute(path).open(Access.READ)) {
            return read(file);
        }
    }

    private static String read(OpenFile file) {
        ByteBuffer target = ByteBuffer.allocate(4096);
        assertThat(file.read(0, target)).isNotNegative();
        return UTF_8.decode(target.flip()).toString();
    }

    private Errno store(String path, String value) throws NodeRefused {
        try (OpenFile file = root.attribute(path).open(Access.WRITE)) {
            int taken = file.write(ByteBuffer.wrap(value.getBytes(UTF_8)));
            return taken == OpenFile.REFUSED ? file.refusal().errno() : null;
        }
    }

    @ParameterizedTest
    @CsvSource({
        "twins/size, 2048",
        "twins/ro, 0",
        "twins/md/array_state, clean",
        "twins/md/level, raid1",
        "twins/md/raid_disks, 2",
        "twins/md/layout, 0",
        "twins/md/chunk_size, 65536",
        "twins/md/component_size, 1024",
        "twins/md/array_size, default",
        "twins/md/metadata_version, imsm",
        "twins/md/safe_mode_delay, 4.000",
        "twins/md/degraded, 0",
        "twins/md/redundancy_known, yes",
        "twins/md/dev-disk0.img/state, in_sync",
        "twins/md/dev-disk0.img/slot, 0",
        "twins/md/dev-disk0.img/errors, 0",
        "twins/md/dev-disk0.img/size, 1024",
        "twins/md/dev-disk0.img/serial, SER-0",
        "twins/md/rd1/path, /tmp/disk1.img",
        "twins/md/reshape_position, none",
        "twins/md/reshape_direction, forwards",
        "twins/md/resync_start, none",
        "twins/md/consistency_policy, resync",
        "twins/md/max_read_errors, 20",
        "twins/md/sync_action, idle",
        "twins/md/sync_completed, none",
        "twins/md/dev-disk0.img/offset, 0",
        "twins/md/dev-disk0.img/recovery_start, none"
    })
    void eachAttributeIsShownAsTheKernelShowsIt(String path, String value) throws NodeRefused {
        assertThat(read(path)).isEqualTo(value + "\n");
    }

    /** What cannot be done is refused with the errno that md gives. */
    @ParameterizedTest
    @CsvSource({
        "level, raid5, EINVAL",
        "raid_disks, 3, EINVAL",
        "layout, 1, EBUSY",
        "chunk_size, 4096, EBUSY",
        "component_size, 512, EINVAL",
        "array_size, 2048, E2BIG",
        "array_size, 512, EBUSY",
        "array_size, much, EINVAL",
        "resync_start, 0, EBUSY",
        "reshape_position, 0, EBUSY",
        "consistency_policy, ppl, EBUSY",
        "sync_action, check, EINVAL",
        "sync_action, resync, EINVAL",
        "sync_action, nonsense, EINVAL",
        "dev-disk0.img/slot, none, EBUSY",
        "dev-disk0.img/offset, 8, EBUSY",
        "dev-disk0.img/size, 8, EBUSY",
        "dev-disk0.img/recovery_start, 0, EBUSY",
        "dev-disk0.img/bad_blocks, 2048 8, ENOSPC",
        "dev-disk0.img/bad_blocks, 2048, EINVAL",
        "dev-disk0.img/unacknowledged_bad_blocks, 2048 8, ENOSPC",
        "dev-disk0.img/state, remove, EBUSY",
        "dev-disk0.img/state, insync, EINVAL",
        "dev-disk0.img/state, external_bbl, EINVAL",
        "dev-disk0.img/state, blocked, EOPNOTSUPP"
    })
    void whatCannotBeDoneIsRefused(String attribute, String value, Errno errno) throws NodeRefused {
        String before = read("twins/md/" + attribute);
        assertThat(store("twins/md/" + attribute, value)).isEqualTo(errno);
        assertThat(read("twins/md/" + attribute)).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource({"sync_action, idle", "array_size, default", "dev-disk0.img/state, -blocked"})
    void whatChangesNothingIsTaken(String attribute, String value) throws NodeRefused {
        assertThat(store("twins/md/" + attribute, value)).isNull();
    }

    /** Modes as in the kernel but for what this engine only shows (`errors`, `max_read_errors`), and preallocated what is so there. */
    @Test
    void eachAttributeHasItsModeAndTheMemoryThatItHasInTheKernel() throws NodeRefused {
        List<String> seen = new ArrayList<>();
        for (String directory : List.of("twins/md", "twins/md/dev-disk0.img")) {
            for (KernfsNode node : ((KernfsDirectory) root.find(directory)).children()) {
                if (node instanceof KernfsAttribute attribute) {
                    seen.add("%s %o%s"
                            .formatted(
                                    node.name(), attribute.mode(), attribute.isPreallocated() ? " preallocated" : ""));
                }
            }
        }
        assertThat(seen)
                .containsExactlyInAnyOrder(
                        "array_state 644 preallocated",
                        "metadata_version 444 preallocated",
                        "resync_start 644 preallocated",
                        "sync_action 644 preallocated",
                        "sync_completed 444 preallocated",
                        "degraded 444",
                        "level 644",
                        "raid_disks 644",
                        "layout 644",
                        "chunk_size 644",
                        "component_size 644",
                        "array_size 644",
                        "uuid 644",
                        "safe_mode_delay 644",
                        "reshape_position 644",
                        "reshape_direction 644",
                        "consistency_policy 644",
                        "max_read_errors 444",
                        "redundancy_known 444",
                        "state 644 preallocated",
                        "slot 644",
                        "errors 444",
                        "offset 644",
                        "size 644",
                        "recovery_start 644",
                        "bad_blocks 644",
                        "unacknowledged_bad_blocks 644",
                        "path 444",
                        "serial 444");
    }

    /** Goal: nothing is stored in the name of a daemon that was fenced, in no attribute of its tree. */
    @Test
    void whoHasLostHisRightStoresNothing() throws NodeRefused {
        ArrayAttributes fenced = new ArrayAttributes("theirs", rig.array, facts(0), () -> false, new Fenced());
        root.add(fenced.directory());
        int stores = 0;
        for (String directory : List.of("theirs/md", "theirs/md/dev-disk0.img")) {
            for (KernfsNode node : ((KernfsDirectory) root.find(directory)).children()) {
                if (node instanceof KernfsAttribute attribute && (attribute.mode() & OWNER_WRITES) != 0) {
                    assertThat(store(directory + "/" + node.name(), "idle"))
                            .as(node.name())
                            .isEqualTo(Errno.EIO);
                    stores++;
                }
            }
        }
        assertThat(stores).isGreaterThan(15);
    }

    /** A daemon that was fenced: whatever else is asked of it is a mistake. */
    private static final class Fenced implements KeeperStores {
        private static final Outcome REFUSED = Outcome.refused(Errno.EIO, "this daemon was fenced");

        @Override
        public Outcome standing() {
            return REFUSED;
        }

        @Override
        public String metadataVersion() {
            return "external:/md127/0";
        }

        @Override
        public Outcome metadataVersion(AttributeValue value) {
            throw new AssertionError("it was let through");
        }

        @Override
        public Outcome writingWanted() {
            throw new AssertionError("it was let through");
        }

        @Override
        public Outcome dirtyMarked() {
            throw new AssertionError("it was let through");
        }

        @Override
        public Outcome cleanWanted() {
            throw new AssertionError("it was let through");
        }

        @Override
        public Outcome failureRecorded(int slot) {
            throw new AssertionError("it was let through");
        }
    }

    /** Every store that is taken is told of, also one that changes nothing. */
    @ParameterizedTest
    @CsvSource({"sync_action, idle", "array_state, clean"})
    void aStoreIsToldOf(String attribute, String value) throws NodeRefused {
        try (OpenFile file = root.attribute("twins/md/" + attribute).open(Access.READ)) {
            read(file);
            assertThat(file.poll() & OpenFile.POLL_PRI).isZero();
            assertThat(store("twins/md/" + attribute, value)).isNull();
            assertThat(file.poll() & OpenFile.POLL_PRI).isNotZero();
        }
    }

    /** What the kernel shows only while a personality with redundancy runs goes when the array stops; who has it open is told. */
    @Test
    void theStopTakesTheAttributesOfSyncWithIt() throws NodeRefused {
        OpenFile action = root.attribute("twins/md/sync_action").open(Access.READ);
        read(action);
        assertThat(rig.stop(true)).isTrue();
        assertThat(read("twins/md/array_state")).isEqualTo("inactive\n");
        assertThat(((KernfsDirectory) root.find("twins/md")).children().stream().map(KernfsNode::name))
                .doesNotContain("sync_action", "sync_completed", "degraded")
                .contains("array_state", "rd0");
        assertThat(action.read(0, ByteBuffer.allocate(64))).isEqualTo(OpenFile.REFUSED);
        assertThat(action.refusal().errno()).isEqualTo(Errno.ENODEV);
    }

    @ParameterizedTest
    @CsvSource({
        "RAID0, 0, ' 64k chunks'",
        "RAID1, 0, ' [2/2] [UU]'",
        "LINEAR, 0, ' 64k rounding'",
        "RAID5, 2, ' level 5, 64k chunk, algorithm 2 [2/2] [UU]'",
        "RAID6, 8, ' level 6, 64k chunk, algorithm 8 [2/2] [UU]'",
        "RAID10, 0x102, ' 64K chunks 2 near-copies [2/2] [UU]'",
        "RAID10, 0x201, ' 64K chunks 2 far-copies [2/2] [UU]'",
        "RAID10, 0x10201, ' 64K chunks 2 offset-copies [2/2] [UU]'",
        "RAID10, 0x20201, ' 64K chunks 2 far-copies 1 devices per set [2/2] [UU]'"
    })
    void mdstatSaysOfALevelWhatTheKernelSays(Level level, int layout, String words) throws NodeRefused {
        KernfsDirectory other = KernfsDirectory.root();
        other.add(new Mdstat(List.of(attributes(ArrayRig.of(level), layout))).attribute());
        try (OpenFile file = other.attribute("mdstat").open(Access.READ)) {
            assertThat(read(file)).contains(" blocks super imsm" + words + "\n");
        }
    }

    @Test
    void aListOfBadBlocksIsEmpty() throws NodeRefused {
        assertThat(read("twins/md/dev-disk0.img/bad_blocks")).isEmpty();
        assertThat(read("twins/md/dev-disk0.img/unacknowledged_bad_blocks")).isEmpty();
    }

    @Test
    void aMemberThatFailedCanBeRemovedWithItsDirectory() throws NodeRefused {
        OpenFile state = root.attribute("twins/md/dev-disk1.img/state").open(Access.READ_WRITE);
        store("twins/md/dev-disk1.img/state", "faulty");
        rig.run();
        assertThat(store("twins/md/dev-disk1.img/state", "remove")).isEqualTo(Errno.EBUSY);
        rig.keeper.answer(true);
        rig.run();
        assertThat(state.write(ByteBuffer.wrap("remove".getBytes(UTF_8)))).isEqualTo(6);
        rig.run();
        assertThat(rig.array.view().memberState(1)).isEqualTo(MemberState.MISSING);
        assertThat(read("mdstat")).contains("raid1 disk0.img[0]\n");
        assertThat(state.read(0, ByteBuffer.allocate(64))).isEqualTo(OpenFile.REFUSED);
        assertThat(state.refusal().errno()).isEqualTo(Errno.ENODEV);
        assertThat(((KernfsDirectory) root.find("twins/md")).children().stream().map(KernfsNode::name))
                .doesNotContain("dev-disk1.img", "rd1")
                .contains("dev-disk0.img", "rd0");
    }

    /** Goal: whoever polls mdstat is woken at md's moments, and not by each clean and dirty. */
    @Test
    void mdstatIsToldOfMembersAndNotOfMarks() throws NodeRefused {
        OpenFile mdstat = root.attribute("mdstat").open(Access.READ);
        read(mdstat);
        rig.ask(IoOperation.WRITE);
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(read("twins/md/array_state")).isEqualTo("active\n");
        assertThat(mdstat.poll() & OpenFile.POLL_PRI).isZero();
        store("twins/md/dev-disk1.img/state", "faulty");
        rig.run();
        assertThat(mdstat.poll() & OpenFile.POLL_PRI).isNotZero();
    }

    @Test
    void aContainerIsShownWithItsDisksAndNeverRuns() throws NodeRefused {
        ContainerAttributes container = new ContainerAttributes(
                "md127",
                "imsm",
                List.of(
                        new ContainerAttributes.DiskFacts("sda", 1 << 20, 1 << 16),
                        new ContainerAttributes.DiskFacts("sdb", 1 << 20, 1 << 16)));
        root.add(container.directory());
        assertThat(read("md127/md/metadata_version")).isEqualTo("external:imsm\n");
        assertThat(read("md127/md/array_state")).isEqualTo("inactive\n");
        assertThat(read("md127/md/level")).isEmpty();
        assertThat(read("md127/md/raid_disks")).isEmpty();
        assertThat(read("md127/md/dev-sda/slot")).isEqualTo("none\n");
        assertThat(read("md127/md/dev-sdb/offset")).isEqualTo("2048\n");
        assertThat(store("md127/md/array_state", "active")).isEqualTo(Errno.EINVAL);
        KernfsDirectory other = KernfsDirectory.root();
        other.add(new Mdstat(List.of(container)).attribute());
        try (OpenFile file = other.attribute("mdstat").open(Access.READ)) {
            assertThat(read(file)).contains("""
                    md127 : inactive sdb[1](S) sda[0](S)
                          128 blocks super external:imsm
                    \s\s\s\s\s\s\s
                    """);
        }
    }

    @Test
    void theStateIsToldAsItChanges() throws NodeRefused {
        OpenFile state = root.attribute("twins/md/array_state").open(Access.READ);
        assertThat(read(state)).isEqualTo("clean\n");
        rig.ask(IoOperation.WRITE);
        rig.run();
        assertThat(state.poll() & OpenFile.POLL_PRI).isNotZero();
        assertThat(read(state)).isEqualTo("write-pending\n");
        rig.keeper.answer(true);
        rig.run();
        assertThat(state.poll() & OpenFile.POLL_PRI).isNotZero();
        assertThat(read(state)).isEqualTo("active\n");
        rig.disks[0].endAll();
        rig.disks[1].endAll();
    }

    @Test
    void storingFaultyFailsAMemberAndEveryoneConcernedIsTold() throws NodeRefused {
        Map<String, OpenFile> open = Map.of(
                "state", root.attribute("twins/md/dev-disk1.img/state").open(Access.READ),
                "degraded", root.attribute("twins/md/degraded").open(Access.READ),
                "mdstat", root.attribute("mdstat").open(Access.READ));
        open.values().forEach(ArrayAttributesTest::read);
        assertThat(store("twins/md/dev-disk1.img/state", "faulty\n")).isNull();
        rig.run();
        assertThat(read("twins/md/dev-disk1.img/state")).isEqualTo("faulty,blocked\n");
        rig.keeper.answer(true);
        rig.run();
        open.forEach((what, file) ->
                assertThat(file.poll() & OpenFile.POLL_PRI).as(what).isNotZero());
        assertThat(read("twins/md/dev-disk1.img/state")).isEqualTo("faulty\n");
        assertThat(read("twins/md/degraded")).isEqualTo("1\n");
    }

    /** The second command comes before the first one's step has run. */
    @Test
    void twoCommandsAtOnceDoNotFailBothMembers() throws NodeRefused {
        assertThat(store("twins/md/dev-disk1.img/state", "faulty")).isNull();
        assertThat(store("twins/md/dev-disk0.img/state", "faulty")).isEqualTo(Errno.EBUSY);
        assertThat(store("twins/md/dev-disk1.img/state", "faulty")).isNull();
        rig.run();
        assertThat(read("twins/md/dev-disk0.img/state")).isEqualTo("in_sync\n");
        assertThat(rig.array.view().broken()).isFalse();
    }

    @Test
    void theLastMemberIsNotFailed() throws NodeRefused {
        store("twins/md/dev-disk1.img/state", "faulty");
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        assertThat(store("twins/md/dev-disk0.img/state", "faulty")).isEqualTo(Errno.EBUSY);
        assertThat(read("twins/md/dev-disk0.img/state")).isEqualTo("in_sync\n");
        assertThat(store("twins/md/dev-disk0.img/state", "broken")).isEqualTo(Errno.EINVAL);
    }

    @Test
    void theStateIsStoredInTheKernelsWords() throws NodeRefused {
        OpenFile state = root.attribute("twins/md/array_state").open(Access.READ);
        read(state);
        assertThat(store("twins/md/array_state", "readonly\n")).isNull();
        rig.run();
        assertThat(state.poll() & OpenFile.POLL_PRI).isNotZero();
        assertThat(read(state)).isEqualTo("readonly\n");
        assertThat(read("twins/ro")).isEqualTo("1\n");
        assertThat(read("mdstat")).contains("active (read-only)");
        assertThat(store("twins/md/array_state", "ready")).isEqualTo(Errno.EINVAL);
        assertThat(store("twins/md/array_state", "\n")).isEqualTo(Errno.EINVAL);
        assertThat(store("twins/md/array_state", "clean")).isNull();
        rig.run();
        assertThat(read("twins/ro")).isEqualTo("0\n");
    }

    @ParameterizedTest
    @CsvSource({"0.2, 0.200", "4, 4.000", "0, 0.000", "0.0019, 0.001", "12.05, 12.050", "5., 5.000"})
    void theDelayIsStoredInSeconds(String stored, String shown) throws NodeRefused {
        assertThat(store("twins/md/safe_mode_delay", stored)).isNull();
        assertThat(read("twins/md/safe_mode_delay")).isEqualTo(shown + "\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "x", ".5", "1.x", "999999999", "99999999999999999999", "1.2.3"})
    void whatIsNoDelayIsRefused(String stored) throws NodeRefused {
        assertThat(store("twins/md/safe_mode_delay", stored)).isEqualTo(Errno.EINVAL);
        assertThat(read("twins/md/safe_mode_delay")).isEqualTo("4.000\n");
    }

    @Test
    void mdstatHasTheKernelsShape() throws NodeRefused {
        assertThat(read("mdstat")).isEqualTo("""
                Personalities : [linear] [raid0] [raid1] [raid6] [raid5] [raid4] [raid10]
                twins : active raid1 disk0.img[0] disk1.img[1]
                      1024 blocks super imsm [2/2] [UU]
                 \s\s\s\s\s
                unused devices: <none>
                """);
        store("twins/md/dev-disk1.img/state", "faulty");
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        assertThat(read("mdstat")).contains("disk0.img[0] disk1.img[1](F)\n", "[2/1] [U_]\n");
    }
}

package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.ArrayState;
import redoubt.base.Extent;
import redoubt.base.Threads;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.kernfs.Access;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.OpenFile;
import redoubt.md.Array;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayView;
import redoubt.md.MemberState;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;
import redoubt.testkit.Fault;
import redoubt.testkit.Inspection;
import redoubt.testkit.Seed;

/** The metadata kept by a daemon that may do anything, or nothing at all. */
@Tag("slow")
class ExternalKeeperTest {

    @RegisterExtension
    final Inspection inspection = new Inspection();

    private static final long PATIENCE_NANOS = ExternalRig.DEADLINE_NANOS + 4 * ExternalRig.MEMBER_LIMIT_NANOS;
    private static final int RANDOM_STOPS = 100;
    private static final int SAMPLED_ONE_IN = 40;
    private static final int STEPS_AFTER_STOP = 300;
    private static final int ROUNDS_OF_STORES = 20;
    private static final int STEPS_LIMIT = 60_000;

    private final long seed = Seed.next();
    private final SplittableRandom random = new SplittableRandom(seed);

    private static Errno store(KernfsDirectory tree, String path, String value) throws Exception {
        try (OpenFile file = tree.attribute(path).open(Access.WRITE)) {
            int taken = file.write(java.nio.ByteBuffer.wrap(value.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
            return taken == OpenFile.REFUSED ? file.refusal().errno() : null;
        }
    }

    private static String read(KernfsDirectory tree, String path) throws Exception {
        try (OpenFile file = tree.attribute(path).open(Access.READ)) {
            java.nio.ByteBuffer target = java.nio.ByteBuffer.allocate(4096);
            assertThat(file.read(0, target)).isNotNegative();
            return java.nio.charset.StandardCharsets.UTF_8.decode(target.flip()).toString();
        }
    }

    // ---------------------------------------------------------------------------------------------- as md does

    @Test
    void theDaemonTakesTheArrayFromReadonlyAndMarksItDirtyBeforeTheFirstWriteIsLetGo() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.READONLY);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        rig.members.forEach(member -> member.forgetCounts());
        Asked write = rig.write(0, 1);
        List<Boolean> durablyDirty = new ArrayList<>();
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, () -> {
            if (rig.array.view().state() == ArrayState.ACTIVE && durablyDirty.isEmpty()) {
                // The daemon does not flush; what the power leaves must be dirty all the same.
                rig.members.forEach(
                        member -> durablyDirty.add(rig.whole(member.imageAfterPowerCut(new SplittableRandom(seed)))
                                .orElseThrow()
                                .metadata()
                                .picture()
                                .volumes()
                                .getFirst()
                                .dirty()));
            }
            return write.settled();
        });
        assertThat(write.await()).isEqualTo(IoStatus.OK);
        assertThat(durablyDirty).as("seed %d", seed).containsExactly(true, true);
        assertThat(daemon.refused).isSubsetOf("store read-auto EBUSY"); // while it was not current yet
        assertThat(rig.events).containsExactly("KeeperEntered one");
    }

    /** Goal: a daemon is told when what it stored is true, as by md, and not before: it would read the old word and do all of it again and again. */
    @Test
    void theDaemonDoesNotStoreTheSameWordOverAndOver() throws Exception {
        for (int round = 0; round < ROUNDS_OF_STORES; round++) {
            ExternalRig rig = new ExternalRig(inspection, seed + round, ExternalRig.DEADLINE_NANOS);
            ScriptedDaemon daemon = rig.daemon("one");
            awaitState(rig, daemon, ArrayState.READ_AUTO, random);
            writeToAll(rig, daemon, random, 0);
            rig.until(
                    "clean",
                    daemon,
                    random,
                    10 * PATIENCE_NANOS,
                    () -> rig.array.view().state() == ArrayState.CLEAN);
            List<String> taken = new ArrayList<>(daemon.did);
            taken.removeIf(did -> !did.startsWith("store "));
            daemon.refused.forEach(refused -> taken.remove(refused.substring(0, refused.lastIndexOf(' '))));
            String which = "seed %d, refused %s".formatted(seed + round, daemon.refused);
            assertThat(taken.stream().distinct())
                    .as(which)
                    .containsExactly("store read-auto", "store active", "store clean");
            // It is told again when it becomes the current one, and when a flush is done, and may have looked before
            // that.
            assertThat(taken).as(which).allMatch(word -> Collections.frequency(taken, word) <= 2);
            inspection.settle();
        }
    }

    @Test
    void anIdleArrayIsCalledCleanOnlyAfterAFlushAndTheMetadataOnlyAfterThat() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, write::settled);
        rig.until("the metadata is clean", daemon, random, 10 * PATIENCE_NANOS, () -> {
            boolean clean = rig.whole(0).isPresent() && !rig.volume(0).dirty();
            if (clean) {
                assertThat(rig.array.view().state()).isEqualTo(ArrayState.CLEAN);
            }
            return clean;
        });
        assertThat(daemon.did).containsSubsequence("look active-idle", "store clean", "look clean");
        assertThat(rig.events).containsExactly("KeeperEntered one");
    }

    /** Goal: {@code clean} is refused while a flush runs, and the daemon is told when to try again. */
    @Test
    void cleanIsRefusedUntilTheMembersAreFlushed() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, write::settled);
        daemon.stopAfter(daemon.actions());
        KernfsDirectory tree = rig.tree(daemon.incarnation().stores(0));
        assertThat(store(tree, "md126/md/array_state", "clean"))
                .as("clean before the members are flushed")
                .isEqualTo(Errno.EBUSY);
        rig.workers.runAll(1000);
        assertThat(store(tree, "md126/md/array_state", "clean")).isNull();
        rig.workers.runAll(1000);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.CLEAN);
    }

    @Test
    void aWriteInActiveIdleGoesOnAtOnce() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, write::settled);
        daemon.stopAfter(daemon.actions());
        rig.time.advance(3 * ExternalRig.IDLE_NANOS);
        rig.workers.runAll(1000);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE_IDLE);
        Asked second = rig.write(4096, 2);
        rig.workers.runAll(1000);
        assertThat(second.settled()).isTrue();
        rig.time.advance(1000);
        rig.workers.runAll(1000);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
    }

    @Test
    void aFailedMemberIsBlockedUntilTheDaemonHasRecordedItAndThenRemoved() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        Asked first = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, first::settled);
        rig.members.get(0).inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE));
        Asked write = rig.write(0, 2);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, () -> {
            if (write.settled()) {
                assertThat(rig.array.view().memberState(0)).isIn(MemberState.FAULTY, MemberState.MISSING);
            }
            return write.settled();
        });
        rig.until(
                "it is gone",
                daemon,
                random,
                PATIENCE_NANOS,
                () -> rig.array.view().memberState(0) == MemberState.MISSING);
        assertThat(write.await()).isEqualTo(IoStatus.OK);
        assertThat(daemon.did).containsSubsequence("store -blocked", "store remove");
        assertThat(rig.events).doesNotContain("KeeperTakenOver");
        rig.expectSurvivorsAgree();
    }

    // ---------------------------------------------------------------------------------------------- the deadline

    @Test
    void withoutADeadlineAWriteWaitsForTheDaemonAsInLinux() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        daemon.stopAfter(daemon.actions());
        Asked write = rig.write(0, 1);
        for (int i = 0; i < 1000; i++) {
            rig.step();
        }
        rig.time.advance(3_600_000_000_000L);
        rig.workers.runAll(1000);
        assertThat(write.settled()).isFalse();
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.WRITE_PENDING);
        daemon.goOn();
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, write::settled);
    }

    /** Goal: no write waits for a daemon that died when the array was active, but the array is not to stay dirty for its sake, and another one comes in. */
    @Test
    void anIdleArrayIsCalledCleanByTheEngineWhereTheDaemonHasDied() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        writeToAll(rig, daemon, random, 0);
        daemon.stopAfter(0);
        rig.until(
                "clean",
                daemon,
                random,
                2 * PATIENCE_NANOS,
                () -> rig.array.view().state() == ArrayState.CLEAN);
        assertThat(rig.volume(0).dirty()).isFalse();
        ScriptedDaemon two = rig.daemon("two");
        rig.until(
                "another one is current",
                two,
                random,
                PATIENCE_NANOS,
                () -> two.incarnation().standing() == Standing.CURRENT);
    }

    /** Goal: a daemon that stands still costs a write the deadline and what the takeover needs, and no more. */
    @Test
    void aWriteWaitsForADaemonNoLongerThanTheDeadline() throws Exception {
        ScriptedDaemon[] daemon = new ScriptedDaemon[1];
        ExternalRig rig = pendingWith(daemon, seed, random);
        long start = rig.time.nanos();
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon[0], random, PATIENCE_NANOS, write::settled);
        assertThat(write.await()).isEqualTo(IoStatus.OK);
        assertThat(rig.time.nanos() - start)
                .as("seed %d", seed)
                .isBetween(ExternalRig.DEADLINE_NANOS, ExternalRig.DEADLINE_NANOS + ExternalRig.MEMBER_LIMIT_NANOS);
        assertThat(rig.events).contains("KeeperFenced one", "KeeperTakenOver");
    }

    /** Goal: whoever is stopped, at whichever of its steps, delays a write by no more than the deadline and the members' time limits. */
    @Test
    void aDaemonStoppedAtAnyStepHoldsUpNoWriteAndDoesNoHarmWhenItGoesOn() throws Exception {
        int steps = course(Who.SCRIPT, ExternalRig.Shape.MIRROR, Integer.MAX_VALUE, seed);
        assertThat(steps).isGreaterThan(30);
        for (int stop = 0; stop <= steps; stop++) {
            course(Who.SCRIPT, ExternalRig.Shape.MIRROR, stop, seed);
        }
    }

    /** The same of the daemon of this house, at some of its steps; {@code soak} has all of them. */
    @ParameterizedTest
    @EnumSource
    void mdmonStoppedAtSomeStepHoldsUpNoWriteAndDoesNoHarmWhenItGoesOn(ExternalRig.Shape shape) throws Exception {
        int steps = course(Who.MDMON, shape, Integer.MAX_VALUE, seed);
        assertThat(steps).isGreaterThan(100);
        for (int stop = random.nextInt(SAMPLED_ONE_IN); stop <= steps; stop += SAMPLED_ONE_IN) {
            course(Who.MDMON, shape, stop, seed);
        }
    }

    @ParameterizedTest
    @EnumSource
    @Tag("soak")
    @Timeout(value = 20, unit = TimeUnit.MINUTES)
    void mdmonStoppedAtAnyStepHoldsUpNoWriteAndDoesNoHarmWhenItGoesOn(ExternalRig.Shape shape) throws Exception {
        int steps = course(Who.MDMON, shape, Integer.MAX_VALUE, seed);
        for (int stop = 0; stop <= steps; stop++) {
            course(Who.MDMON, shape, stop, seed);
        }
    }

    /** The same, at moments that the seed chooses, in orders that the seed chooses. */
    @Test
    void aDaemonStoppedAtAnyMomentHoldsUpNoWriteAndDoesNoHarmWhenItGoesOn() throws Exception {
        for (int round = 0; round < RANDOM_STOPS; round++) {
            course(Who.SCRIPT, ExternalRig.Shape.MIRROR, random.nextInt(60), seed + round);
        }
    }

    /** Who the daemon is. */
    enum Who {
        SCRIPT {
            @Override
            SteppedDaemon in(ExternalRig rig, String name) throws Exception {
                return rig.daemon(name);
            }
        },
        MDMON {
            @Override
            SteppedDaemon in(ExternalRig rig, String name) throws Exception {
                return rig.mdmon(name);
            }
        };

        abstract SteppedDaemon in(ExternalRig rig, String name) throws Exception;

        SteppedDaemon in(ExternalRig rig) throws Exception {
            return in(rig, "one");
        }
    }

    /**
     * Writes to all volumes, becomes idle, writes again, loses a member, writes: with a daemon that stops after so many actions, and later goes
     * on.
     *
     * @return how much it did
     */
    private int course(Who who, ExternalRig.Shape shape, int stopAfter, long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS, shape);
        try (SteppedDaemon daemon = who.in(rig)) {
            return course(rig, daemon, random, stopAfter);
        } finally {
            inspection.settle();
        }
    }

    private static int course(ExternalRig rig, SteppedDaemon daemon, SplittableRandom random, int stopAfter)
            throws Exception {
        long seed = rig.seed;
        daemon.stopAfter(stopAfter);
        boolean taken = false;
        for (int i = 0; i < 400 && !taken; i++) {
            rig.step(daemon, random);
            taken = rig.arrays.stream().noneMatch(array -> array.view().state() == ArrayState.READONLY);
        }
        if (!taken) { // it stopped before it took the arrays: somebody else lets writes through
            for (int index = 0; index < rig.shape.volumes; index++) {
                assertThat(rig.storeInPlainTree(index, "array_state", "read-auto"))
                        .isNull();
            }
            rig.until(
                    "read-auto",
                    daemon,
                    random,
                    PATIENCE_NANOS,
                    () -> rig.arrays.stream().noneMatch(array -> array.view().state() == ArrayState.READONLY));
        }
        int written = 0;
        for (int round = 0; round < 2; round++) {
            writeToAll(rig, daemon, random, written++);
            for (int i = 0; i < 120; i++) {
                rig.step(daemon, random);
            }
        }
        rig.members.get(0).inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE));
        writeToAll(rig, daemon, random, written++);
        rig.until("the survivors are written", daemon, random, PATIENCE_NANOS, rig::survivorsAgree);
        rig.expectSurvivorsAgree();
        int actions = daemon.actions();
        boolean fenced = standing(daemon) == Standing.FENCED;
        byte[] before = rig.metadataArea(1);
        if (fenced) {
            rig.array.tellStateAgain(); // it wakes to see what there is to do, with what it remembers
            daemon.goOn();
            for (int i = 0; i < 60; i++) {
                daemon.runOne();
                rig.workers.runAll(1000);
            }
            assertThat(rig.metadataArea(1))
                    .as("nothing of an old epoch lands, seed %d", seed)
                    .isEqualTo(before);
            assertThat(rig.array.view().broken()).isFalse();
        }
        for (int index = 0; index < rig.shape.volumes; index++) {
            for (int i = 0; i < written; i++) {
                assertThat(rig.askers.get(index).read(4096L * i, 4096)[0]).isEqualTo((byte) (i + 1));
            }
        }
        return actions;
    }

    /** What the engine thinks of it; fenced where it has not come in. */
    private static Standing standing(SteppedDaemon daemon) {
        Incarnation known = daemon.incarnation();
        return known == null ? Standing.NEWCOMER : known.standing();
    }

    private static void awaitState(ExternalRig rig, SteppedDaemon daemon, ArrayState state, SplittableRandom random)
            throws Exception {
        rig.until(
                state.word(),
                daemon,
                random,
                PATIENCE_NANOS,
                () -> rig.array.view().state() == state);
    }

    /** All is written; then the daemon stops, and the array becomes active-idle, which it is to call clean. */
    private void becomeIdleBesideAStopped(ExternalRig rig, ScriptedDaemon daemon) throws Exception {
        writeToAll(rig, daemon, random, 0);
        daemon.stopAfter(0);
        rig.time.advance(1);
        rig.time.advance(ExternalRig.IDLE_NANOS + 1);
        rig.workers.runAll(1000);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE_IDLE);
    }

    private static void writeToAll(ExternalRig rig, SteppedDaemon daemon, SplittableRandom random, int number)
            throws Exception {
        List<Asked> writes = new ArrayList<>();
        for (int index = 0; index < rig.shape.volumes; index++) {
            writes.add(rig.write(index, 4096L * number, number + 1));
        }
        rig.until(
                "the writes end",
                daemon,
                random,
                PATIENCE_NANOS,
                () -> writes.stream().allMatch(Asked::settled));
        for (Asked write : writes) {
            assertThat(write.await()).as("seed %d", rig.seed).isEqualTo(IoStatus.OK);
        }
    }

    /**
     * Goal: the power may go at any moment of a takeover. Method: after each step of one, which has a failure to record, what a cut would leave of all
     * disks forms the container, with the dirty mark, no older than what was acknowledged, and with the failure once a write was let go for it.
     */
    @ParameterizedTest
    @EnumSource
    void aPowerCutInsideATakeoverLosesNothing(ExternalRig.Shape shape) throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS, shape);
        try (SteppedDaemon daemon = rig.mdmon("one")) {
            rig.until(
                    "read-auto",
                    daemon,
                    random,
                    PATIENCE_NANOS,
                    () -> rig.arrays.stream().noneMatch(array -> array.view().state() == ArrayState.READONLY));
            writeToAll(rig, daemon, random, 0);
            daemon.stopAfter(0);
            long acknowledged = rig.generation(shape.disks - 1);
            rig.members.get(0).inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE));
            Asked write = rig.write(0, 2);
            int cuts = 0;
            while (!rig.events.contains("KeeperTakenOver") || !write.settled()) {
                rig.step();
                boolean fenced = standing(daemon) == Standing.FENCED;
                if (fenced) {
                    cuts++;
                    ContainerPicture left = rig.afterPowerCut(random);
                    VolumePicture volume = left.volumes().getFirst();
                    assertThat(left.generation()).as("seed %d", seed).isGreaterThanOrEqualTo(acknowledged);
                    assertThat(volume.dirty()).as("seed %d", seed).isTrue();
                    if (write.settled()) {
                        assertThat(volume.slots().getFirst().state())
                                .as("seed %d", seed)
                                .isNotEqualTo(SlotState.IN_SYNC);
                    }
                }
            }
            assertThat(cuts).isGreaterThan(5);
            assertThat(write.await()).isEqualTo(IoStatus.OK);
        }
    }

    // ---------------------------------------------------------------------------------------------- the fence

    private ExternalRig pendingWith(ScriptedDaemon[] daemon, long seed, SplittableRandom random) throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        ScriptedDaemon one = rig.daemon("one");
        daemon[0] = one;
        awaitState(rig, one, ArrayState.READ_AUTO, random);
        one.stopAfter(one.actions());
        return rig;
    }

    @Test
    void anOldEpochsDoorPassesNothingAndItsTreeTakesNothing() throws Exception {
        ScriptedDaemon[] daemon = new ScriptedDaemon[1];
        ExternalRig rig = pendingWith(daemon, seed, random);
        KernfsDirectory tree = rig.tree(daemon[0].incarnation().stores(0));
        KernfsDirectory plain = rig.tree(rig.keeper.onlooker(0));
        assertThat(read(plain, "md126/md/metadata_version")).isEqualTo("external:/md127/0\n");
        Asked write = rig.write(0, 1);
        rig.workers.runAll(1000);
        assertThat(store(plain, "md126/md/array_state", "active")).isEqualTo(Errno.EBUSY);
        rig.until("the write ends", daemon[0], random, PATIENCE_NANOS, write::settled);
        assertThat(rig.events).contains("KeeperFenced one", "KeeperTakenOver");
        assertThat(read(plain, "md126/md/metadata_version")).isEqualTo("external:-md127/0\n");
        byte[] before = rig.metadataArea(0);
        long generation = rig.generation(0);
        try (Asker asker = new Asker(daemon[0].incarnation().door(0)).steppedBy(rig::step)) {
            long anchor = ExternalRig.geometry().sizeBytes() - 1024;
            assertThat(asker.write(anchor, new byte[512]))
                    .as("a write of an old epoch")
                    .isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.ask(IoOperation.READ, 0, 4096, 0, null)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.flush()).isEqualTo(IoStatus.IO_ERROR);
        }
        assertThat(rig.metadataArea(0)).isEqualTo(before);
        assertThat(rig.generation(0)).isEqualTo(generation);
        assertThat(store(tree, "md126/md/array_state", "active")).isEqualTo(Errno.EBUSY);
        assertThat(store(tree, "md126/md/array_state", "readonly")).isEqualTo(Errno.EBUSY);
        assertThat(store(tree, "md126/md/dev-sim0/state", "faulty")).isEqualTo(Errno.EBUSY);
        assertThatThrownBy(() -> rig.keeper.enter("one")).isInstanceOf(ExternalKeeper.Refused.class);
    }

    @Test
    void aDoorTakesWritesIntoTheMetadataAreaOnlyAndFromTheCurrentDaemonOnly() throws Exception {
        ScriptedDaemon[] daemon = new ScriptedDaemon[1];
        ExternalRig rig = pendingWith(daemon, seed, random);
        Incarnation newcomer = rig.keeper.enter("two");
        long anchor = ExternalRig.geometry().sizeBytes() - 1024;
        byte[] same = java.util.Arrays.copyOfRange(rig.members.get(0).content(), (int) anchor, (int) anchor + 512);
        try (Asker current = new Asker(daemon[0].incarnation().door(0)).steppedBy(rig::step);
                Asker late = new Asker(newcomer.door(0)).steppedBy(rig::step)) {
            assertThat(current.write(anchor, same)).isEqualTo(IoStatus.OK);
            assertThat(current.write(0, new byte[512])).isEqualTo(IoStatus.IO_ERROR);
            assertThat(current.ask(IoOperation.TRIM, anchor, 512, 0, null)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(late.write(anchor, same)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(late.read(0, 512)).hasSize(512);
        }
    }

    /** A door write that was passed on and hangs costs its member its place; the takeover does not wait for longer than its time limit. */
    @Test
    void aDoorWriteThatHangsIsGivenUpWithItsMemberAndTheTakeoverGoesOn() throws Exception {
        ScriptedDaemon[] daemon = new ScriptedDaemon[1];
        ExternalRig rig = pendingWith(daemon, seed, random);
        long anchor = ExternalRig.geometry().sizeBytes() - 1024;
        rig.members.get(0).inject(Fault.hanging(IoOperation.WRITE));
        Asker asker = new Asker(daemon[0].incarnation().door(0)).steppedBy(rig::step);
        Asked hanging = asker.startWrite(anchor, new byte[512], 0);
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon[0], random, PATIENCE_NANOS, write::settled);
        assertThat(write.await()).isEqualTo(IoStatus.OK);
        assertThat(hanging.await()).isEqualTo(IoStatus.TIMED_OUT);
        assertThat(rig.array.view().inSync(0)).isFalse();
        rig.expectSurvivorsAgree();
    }

    /** A door write that was passed on before the fence lands before the takeover looks: never over what that has written. */
    @Test
    void aDoorWriteThatWasPassedOnEndsBeforeTheTakeoverReads() throws Exception {
        ScriptedDaemon[] daemon = new ScriptedDaemon[1];
        ExternalRig rig = pendingWith(daemon, seed, random);
        int anchor = (int) ExternalRig.geometry().sizeBytes() - 1024;
        byte[] stale = java.util.Arrays.copyOfRange(rig.members.get(0).content(), anchor, anchor + 512);
        long late = ExternalRig.DEADLINE_NANOS + ExternalRig.MEMBER_LIMIT_NANOS / 2;
        rig.members.get(0).inject(Fault.delaying(late, IoOperation.WRITE));
        Asker asker = new Asker(daemon[0].incarnation().door(0)).steppedBy(rig::step);
        Asked write = rig.write(0, 1);
        Asked door = asker.startWrite(anchor, stale, 0);
        rig.until("fenced", daemon[0], random, PATIENCE_NANOS, () -> rig.events.contains("KeeperFenced one"));
        long reads = rig.members.get(1).served(IoOperation.READ); // the other member keeps nobody waiting
        rig.until("the door's write ends", daemon[0], random, PATIENCE_NANOS, () -> {
            assertThat(door.settled() || rig.members.get(1).served(IoOperation.READ) == reads)
                    .as("the takeover reads past a write of the daemon, seed %d", seed)
                    .isTrue();
            return door.settled();
        });
        rig.until("the write ends", daemon[0], random, PATIENCE_NANOS, write::settled);
        assertThat(door.await()).isIn(IoStatus.OK, IoStatus.TIMED_OUT);
        rig.expectSurvivorsAgree();
    }

    // ---------------------------------------------------------------------------------------------- the hand-back

    @Test
    void theMetadataGoesBackOnlyToANewDaemonThatHasReadWhatIsOnTheDisksNow() throws Exception {
        ScriptedDaemon[] daemon = new ScriptedDaemon[1];
        ExternalRig rig = pendingWith(daemon, seed, random);
        ScriptedDaemon two = rig.daemon("two"); // reads before the takeover writes
        for (int i = 0; i < 20; i++) {
            two.runOne();
            rig.workers.runAll(1000);
        }
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon[0], random, PATIENCE_NANOS, write::settled);
        rig.workers.runAll(1000);
        assertThat(two.incarnation().standing())
                .as("who has not read what is on the disks now")
                .isEqualTo(Standing.NEWCOMER);
        assertThat(rig.keeper.current()).isEmpty();
        rig.until(
                "clean again, by the engine",
                daemon[0],
                random,
                10 * PATIENCE_NANOS,
                () -> rig.array.view().state() == ArrayState.CLEAN);
        Extent anchor = rig.keeper.places().anchor(0);
        try (Asker asker = new Asker(two.incarnation().door(0)).steppedBy(rig::step)) {
            asker.read(anchor.offset(), (int) anchor.length()); // of one disk only
        }
        rig.workers.runAll(1000);
        assertThat(two.incarnation().standing()).isEqualTo(Standing.NEWCOMER);
        two.readAgain();
        rig.until(
                "it is current",
                two,
                random,
                PATIENCE_NANOS,
                () -> two.incarnation().standing() == Standing.CURRENT);
        Asked second = rig.write(4096, 2);
        rig.until("the second write ends", two, random, PATIENCE_NANOS, second::settled);
        assertThat(second.await()).isEqualTo(IoStatus.OK);
        assertThat(two.did).contains("store active");
        assertThat(daemon[0].incarnation().standing()).isEqualTo(Standing.FENCED);
        rig.expectSurvivorsAgree();
    }

    /** Goal: daemons that die between their entry and their first door keep nobody out for longer than they would need for it. */
    @Test
    void whoNeverComesToADoorMakesRoomForOthers() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        List<Incarnation> newcomers = new ArrayList<>();
        while (newcomers.size() < ExternalKeeper.PRESENT_LIMIT) {
            newcomers.add(rig.keeper.enter("n" + newcomers.size()));
        }
        try (Asker asker = new Asker(newcomers.getFirst().door(0)).steppedBy(rig::step)) {
            asker.read(0, 512);
        }
        assertThatThrownBy(() -> rig.keeper.enter("early")).isInstanceOf(ExternalKeeper.Refused.class);
        rig.time.advance(ExternalKeeper.ENTRY_NANOS);
        Incarnation late = rig.keeper.enter("late");
        rig.workers.runAll(1000);
        assertThat(late.standing()).isEqualTo(Standing.NEWCOMER);
        assertThat(newcomers.getFirst().standing())
                .as("one that has been at a door")
                .isEqualTo(Standing.NEWCOMER);
        assertThat(newcomers.subList(1, newcomers.size())).allMatch(each -> each.standing() == Standing.FENCED);
        for (int i = 0; i < ExternalKeeper.PRESENT_LIMIT - 2; i++) {
            rig.keeper.enter("later" + i);
        }
    }

    /** Goal: an engine that lives for years takes daemons for years. */
    @Test
    void namesAreForgottenWhenThousandsHaveComeSince() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        rig.keeper.enter("here all the time");
        for (int i = 0; i < 2 * ExternalKeeper.NAMES_LIMIT; i++) {
            rig.keeper.enter("n" + i).leave();
            rig.workers.runAll(1000);
        }
        assertThatThrownBy(() -> rig.keeper.enter("n" + (ExternalKeeper.NAMES_LIMIT + 1)))
                .isInstanceOf(ExternalKeeper.Refused.class);
        assertThatThrownBy(() -> rig.keeper.enter("here all the time")).isInstanceOf(ExternalKeeper.Refused.class);
        assertThat(rig.keeper.enter("n1").standing()).isEqualTo(Standing.NEWCOMER);
    }

    @Test
    void aDaemonThatLeavesIsFollowedByTheEngineAtOnce() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        daemon.incarnation().leave();
        daemon.stopAfter(0);
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, write::settled);
        assertThat(write.await()).isEqualTo(IoStatus.OK);
        rig.expectSurvivorsAgree();
    }

    /** Goal: a clean mark that is wished during a takeover never comes behind the dirty mark of a write that came after it. */
    @Test
    void noVolumeIsMarkedCleanBehindAWriteThatCameDuringATakeover() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        Asked first = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, first::settled);
        daemon.stopAfter(0);
        rig.members.get(0).inject(Fault.delaying(3 * ExternalRig.IDLE_NANOS, IoOperation.READ)); // of the takeover
        daemon.incarnation().leave();
        rig.workers.runAll(1000);
        rig.time.advance(2 * ExternalRig.IDLE_NANOS);
        rig.workers.runAll(1000);
        assertThat(rig.events).doesNotContain("KeeperTakenOver");
        Asked second = rig.write(4096, 2);
        rig.until("the second write ends", daemon, random, PATIENCE_NANOS, () -> {
            rig.workers.runAll(1000);
            return second.settled() && rig.events.contains("KeeperTakenOver");
        });
        rig.workers.runAll(1000);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
        assertThat(rig.volume(1).dirty()).as("seed %d", seed).isTrue();
    }

    @Test
    void aStopMarksCleanWhateverTheDaemonDoes() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        Asked write = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, write::settled);
        assertThat(rig.volume(0).dirty()).isTrue();
        assertThat(stop(rig, () -> rig.workers.runAll(1000))).isTrue();
        assertThat(rig.volume(0).dirty()).isFalse();
        assertThat(rig.volume(1).dirty()).isFalse();
        assertThat(daemon.incarnation().standing()).isEqualTo(Standing.FENCED);
    }

    /** Goal: when the keeper is closed no write of a daemon is on its way to a member any more. */
    @Test
    void aDoorWriteThatWasPassedOnEndsBeforeTheKeeperIsClosed() throws Exception {
        ScriptedDaemon[] daemon = new ScriptedDaemon[1];
        ExternalRig rig = pendingWith(daemon, seed, random);
        int anchor = (int) ExternalRig.geometry().sizeBytes() - 1024;
        byte[] same = java.util.Arrays.copyOfRange(rig.members.get(0).content(), anchor, anchor + 512);
        rig.members.get(0).inject(Fault.delaying(ExternalRig.MEMBER_LIMIT_NANOS / 2, IoOperation.WRITE));
        Asked door =
                new Asker(daemon[0].incarnation().door(0)).steppedBy(rig::step).startWrite(anchor, same, 0);
        List<Boolean> ended = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch over = new CountDownLatch(1);
        Threads.start("closer", () -> {
            try {
                ended.add(rig.keeper.close(TimeUnit.SECONDS.toNanos(60)) && door.settled());
            } catch (InterruptedException interrupted) {
                ended.add(false);
            } finally {
                over.countDown();
            }
        });
        while (over.getCount() > 0) {
            boolean asked = daemon[0].incarnation().standing() == Standing.FENCED;
            if (!asked) {
                rig.workers.runAll(1000);
            } else if (!over.await(20, TimeUnit.MILLISECONDS)) { // it must not be over before the write is
                rig.step();
            }
        }
        assertThat(ended).as("closed, and the write has ended").containsExactly(true);
    }

    /** What somebody does while an array is being stopped. */
    private interface Meanwhile {
        void step() throws Exception;
    }

    private static boolean stop(ExternalRig rig, Meanwhile meanwhile) throws Exception {
        AtomicBoolean good = new AtomicBoolean();
        CountDownLatch ended = new CountDownLatch(1);
        Threads.start("stopper", () -> {
            good.set(rig.array.stop(TimeUnit.HOURS.toNanos(1)));
            ended.countDown();
        });
        for (int steps = 0; !ended.await(1, TimeUnit.MILLISECONDS); steps++) {
            meanwhile.step();
            assertThat(steps).as("steps of a stop, seed %d", rig.seed).isLessThan(STEPS_LIMIT);
        }
        return good.get();
    }

    /**
     * Goal: what ends as inactive is not called clean by a daemon while nobody knows that the members agree. Method: a write that one of them refused; then a
     * stop with a live daemon beside it, and the power cut after each step of it and long after.
     */
    @ParameterizedTest
    @EnumSource
    void noDaemonCallsAnArrayCleanThatIsStoppedWhileItsMembersMayDiffer(Who who) throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        try (SteppedDaemon daemon = who.in(rig)) {
            becomeUnsure(rig, daemon);
            int[] cuts = new int[1];
            assertThat(stop(rig, () -> {
                        rig.step(daemon, random);
                        cuts[0]++;
                        expectDirtyAfterPowerCut(rig);
                    }))
                    .isTrue();
            for (int i = 0; i < STEPS_AFTER_STOP; i++) {
                rig.step(daemon, random);
                expectDirtyAfterPowerCut(rig);
            }
            assertThat(cuts[0]).isPositive();
            assertThat(rig.array.view().state()).isEqualTo(ArrayState.INACTIVE);
            assertThat(rig.volume(0).dirty()).as("seed %d", seed).isTrue();
            assertThat(rig.volume(1).dirty()).as("seed %d", seed).isTrue();
        }
    }

    /** A mirror's write that one member takes and the other one has no room for: no member is to blame, and they differ. */
    private void becomeUnsure(ExternalRig rig, SteppedDaemon daemon) throws Exception {
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        Asked taken = rig.write(0, 1);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, taken::settled);
        assertThat(taken.await()).isEqualTo(IoStatus.OK);
        rig.members
                .get(1)
                .inject(Fault.failing(IoStatus.NO_SPACE, IoOperation.WRITE).times(1));
        Asked refused = rig.write(4096, 2);
        rig.until("the write is refused", daemon, random, PATIENCE_NANOS, refused::settled);
        assertThat(refused.await()).isEqualTo(IoStatus.NO_SPACE);
        assertThat(rig.array.view().redundancyKnown()).isFalse();
    }

    private void expectDirtyAfterPowerCut(ExternalRig rig) {
        assertThat(rig.afterPowerCut(random).volumes().getFirst().dirty())
                .as("dirty, seed %d", seed)
                .isTrue();
    }

    /** The same of a daemon that comes later: it is let in, and is not shown how the array ended. */
    @ParameterizedTest
    @EnumSource
    void noNewcomerCallsAnArrayCleanThatEndedWhileItsMembersMayDiffer(Who who) throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        becomeUnsure(rig, daemon);
        daemon.stopAfter(0);
        assertThat(stop(rig, rig::step)).isTrue();
        rig.workers.runAll(1000);
        try (SteppedDaemon two = who.in(rig, "two")) {
            rig.until("it is current", two, random, PATIENCE_NANOS, () -> {
                expectDirtyAfterPowerCut(rig);
                return standing(two) == Standing.CURRENT;
            });
            for (int i = 0; i < STEPS_AFTER_STOP; i++) {
                rig.step(two, random);
                expectDirtyAfterPowerCut(rig);
            }
            assertThat(standing(two)).isEqualTo(Standing.CURRENT);
            KernfsDirectory tree = rig.tree(two.incarnation().stores(0));
            assertThat(read(tree, "md126/md/array_state")).isEqualTo("readonly\n");
            assertThat(read(tree, "md126/md/metadata_version")).isEqualTo("external:-md127/0\n");
            assertThat(read(tree, "md126/ro")).isEqualTo("1\n");
            KernfsDirectory plain = rig.tree(rig.keeper.onlooker(0));
            assertThat(read(plain, "md126/md/array_state")).isEqualTo("inactive\n");
        }
    }

    /**
     * Goal: who ended in doubt concerns nobody else. Method: of two volumes one is readonly, the other ends in doubt; a new daemon is let in, takes the first one
     * from readonly, and a write to it ends, though no deadline would help it.
     */
    @Test
    void aVolumeThatEndedInDoubtKeepsNoDaemonFromTheOthers() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0, ExternalRig.Shape.TWO_MIRRORS);
        assertThat(rig.storeInPlainTree(1, "metadata_version", "external:-md127/1"))
                .isNull();
        try (SteppedDaemon one = rig.mdmon("one")) {
            becomeUnsure(rig, one);
            one.stopAfter(0);
            assertThat(stop(rig, rig::step)).isTrue();
        }
        rig.workers.runAll(1000);
        Array other = rig.arrays.get(1);
        assertThat(other.view().state()).isEqualTo(ArrayState.READONLY);
        assertThat(rig.storeInPlainTree(1, "metadata_version", "external:/md127/1"))
                .isNull();
        try (SteppedDaemon two = rig.mdmon("two")) {
            rig.until(
                    "the other volume is taken from readonly",
                    two,
                    random,
                    PATIENCE_NANOS,
                    () -> other.view().state() == ArrayState.READ_AUTO);
            Asked write = rig.write(1, 0, 7);
            rig.until("the write ends", two, random, PATIENCE_NANOS, () -> {
                expectDirtyAfterPowerCut(rig);
                return write.settled();
            });
            assertThat(write.await()).isEqualTo(IoStatus.OK);
            assertThat(standing(two)).isEqualTo(Standing.CURRENT);
        }
    }

    /**
     * Goal: what is readonly writes nothing when it ends, and is not called clean by a daemon that sees it end. Method: members that may differ, from before or
     * since; a stop with a live daemon beside it.
     */
    @ParameterizedTest(name = "found so: {0}")
    @ValueSource(booleans = {true, false})
    void aReadonlyArrayInDoubtWritesNothingWhenItIsStopped(boolean found) throws Exception {
        ExternalRig rig = new ExternalRig(
                inspection,
                seed,
                0,
                ExternalRig.Shape.MIRROR,
                found ? ExternalRig.Found.DIRTY : ExternalRig.Found.CLEAN);
        ScriptedDaemon daemon = rig.daemon("one");
        if (!found) {
            becomeUnsure(rig, daemon);
        }
        assertThat(rig.storeInPlainTree(0, "metadata_version", "external:-md127/0"))
                .isNull();
        if (!found) {
            assertThat(rig.storeInPlainTree(0, "array_state", "readonly")).isNull();
        }
        for (int i = 0; i < STEPS_AFTER_STOP; i++) {
            rig.step(daemon, random);
        }
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.READONLY);
        rig.members.forEach(member -> member.forgetCounts());
        assertThat(stop(rig, () -> rig.step(daemon, random))).isTrue();
        for (int i = 0; i < STEPS_AFTER_STOP; i++) {
            rig.step(daemon, random);
        }
        for (int disk = 0; disk < ExternalRig.DISKS; disk++) {
            assertThat(rig.members.get(disk).served(IoOperation.WRITE))
                    .as("writes to disk %d, seed %d", disk, seed)
                    .isZero();
            assertThat(rig.volume(disk).dirty()).isTrue();
        }
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.INACTIVE);
        assertThat(daemon.incarnation().standing()).isEqualTo(Standing.CURRENT);
    }

    /** Goal: that it breaks after its end takes nothing back of what is known of it. */
    @Test
    void whatEndedInDoubtStaysInDoubtWhateverComesLater() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        becomeUnsure(rig, daemon);
        daemon.stopAfter(0);
        assertThat(stop(rig, rig::step)).isTrue();
        rig.workers.runAll(1000);
        assertThat(rig.keeper.volume(0).truth()).contains(new MetadataEvent.MarkDirty(0));
        rig.array.failMember(0);
        rig.array.failMember(1);
        rig.workers.runAll(1000);
        assertThat(rig.array.view().broken()).isTrue();
        assertThat(rig.keeper.volume(0).truth()).contains(new MetadataEvent.MarkDirty(0));
    }

    /**
     * Goal: an array that starts with too many members missing answers errors, is called clean by nobody, and keeps no daemon from the other
     * volumes, whose first write has the metadata marked as ever.
     */
    @Test
    void anArrayThatStartsBrokenStaysAsItIsAndTheOthersAreKept() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0, ExternalRig.Shape.TWO_MIRRORS, ExternalRig.Found.BROKEN);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.BROKEN);
        try (SteppedDaemon daemon = rig.mdmon("one")) {
            Array other = rig.arrays.get(1);
            rig.until(
                    "the other volume is taken from readonly",
                    daemon,
                    random,
                    PATIENCE_NANOS,
                    () -> other.view().state() == ArrayState.READ_AUTO);
            Asked refused = rig.write(0, 1);
            Asked write = rig.write(1, 0, 7);
            rig.until("the writes end", daemon, random, PATIENCE_NANOS, () -> {
                expectDirtyAfterPowerCut(rig);
                return write.settled() && refused.settled();
            });
            assertThat(refused.await()).isEqualTo(IoStatus.IO_ERROR);
            assertThat(write.await()).isEqualTo(IoStatus.OK);
            KernfsDirectory tree = rig.tree(daemon.incarnation().stores(0));
            assertThat(read(tree, "md126/md/array_state")).isEqualTo("readonly\n");
            KernfsDirectory plain = rig.tree(rig.keeper.onlooker(0));
            assertThat(read(plain, "md126/md/array_state")).isEqualTo("broken\n");
            daemon.incarnation().leave();
            for (int i = 0; i < STEPS_AFTER_STOP; i++) {
                rig.step(daemon, random);
                expectDirtyAfterPowerCut(rig);
            }
            assertThat(rig.events).contains("KeeperTakenOver");
        }
    }

    /** Goal: a client's flush that takes long keeps engine and daemon no busier than one that does not. */
    @Test
    void aDaemonDoesNotTryAgainAndAgainWhileAClientsFlushIsInFlight() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        becomeIdleBesideAStopped(rig, daemon);
        rig.members
                .get(0)
                .inject(Fault.delaying(3 * ExternalRig.MEMBER_LIMIT_NANOS / 4, IoOperation.FLUSH)
                        .times(1));
        Asked flush = rig.clients.start(IoOperation.FLUSH, 0, 0, 0, null);
        daemon.did.clear();
        daemon.goOn();
        rig.until("the flush ends", daemon, random, PATIENCE_NANOS, () -> {
            assertThat(Collections.frequency(daemon.did, "store clean"))
                    .as("how often clean was stored, seed %d", seed)
                    .isLessThan(3);
            return flush.settled();
        });
        awaitState(rig, daemon, ArrayState.CLEAN, random);
        assertThat(rig.events).as("by the daemon").containsExactly("KeeperEntered one");
    }

    /**
     * Goal: nobody is fenced for what the engine has not done. Method: a daemon that stores {@code clean} as soon as it is shown {@code active-idle}, before the
     * engine has begun to flush; and a member that takes longer for that than the deadline.
     */
    @Test
    void theDeadlineForCleanDoesNotRunWhileTheEngineFlushes() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        writeToAll(rig, daemon, random, 0);
        daemon.stopAfter(0);
        rig.members
                .get(0)
                .inject(Fault.delaying(3 * ExternalRig.DEADLINE_NANOS / 2, IoOperation.FLUSH)
                        .times(1));
        KernfsDirectory tree = rig.tree(daemon.incarnation().stores(0));
        List<Errno> answers = new ArrayList<>();
        rig.array.addListener(new ArrayListener() {
            @Override
            public void viewChanged(ArrayView old, ArrayView now) {
                if (now.state() == ArrayState.ACTIVE_IDLE) {
                    try {
                        answers.add(store(tree, "md126/md/array_state", "clean"));
                    } catch (Exception failed) {
                        throw new IllegalStateException(failed);
                    }
                }
            }

            @Override
            public void event(String word, String member) {}
        });
        rig.until("the engine has flushed", daemon, random, 2 * PATIENCE_NANOS, () -> {
            assertThat(rig.events).as("seed %d", seed).containsExactly("KeeperEntered one");
            return answers.contains(Errno.EBUSY) && rig.keeper.volume(0).isDurable(rig.array.writesBegun());
        });
        daemon.goOn();
        awaitState(rig, daemon, ArrayState.CLEAN, random);
        assertThat(rig.events).containsExactly("KeeperEntered one");
    }

    /** Goal: a clean mark that was stored and could not be made has a deadline again: the daemon may have died since. */
    @Test
    void aCleanMarkThatIsGivenUpHasADeadlineAgain() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        becomeIdleBesideAStopped(rig, daemon);
        rig.members
                .get(0)
                .inject(Fault.delaying(ExternalRig.MEMBER_LIMIT_NANOS / 8, IoOperation.FLUSH)
                        .times(1));
        Asked flush = rig.clients.start(IoOperation.FLUSH, 0, 0, 0, null);
        KernfsDirectory tree = rig.tree(daemon.incarnation().stores(0));
        rig.array.becomeClean(
                rig.array.writesBegunIfNoneInside()); // as if the flush had begun behind the daemon's store
        rig.workers.runAll(1000);
        assertThat(store(tree, "md126/md/array_state", "clean")).isEqualTo(Errno.EBUSY);
        rig.workers.runAll(1000);
        assertThat(flush.settled()).isFalse();
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE_IDLE);
        rig.until(
                "clean, by the engine",
                daemon,
                random,
                2 * PATIENCE_NANOS,
                () -> rig.array.view().state() == ArrayState.CLEAN);
        assertThat(flush.settled()).isTrue();
    }

    /**
     * Goal: {@code readonly}, which mdmon takes for consistent and marks clean, is shown over durable data only. Method: a write that is
     * acknowledged and not flushed, then the store; what a power cut would leave after each step says clean of mirrors that agree only.
     */
    @ParameterizedTest
    @ValueSource(strings = {"readonly", "read-auto"})
    void nobodyIsToldReadonlyBeforeTheMembersAreFlushed(String word) throws Exception {
        ArrayState wanted = ArrayState.ofWord(word).orElseThrow();
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        writeToAll(rig, daemon, random, 0);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
        List<Boolean> flushed = new ArrayList<>();
        rig.array.addListener(new ArrayListener() {
            @Override
            public void viewChanged(ArrayView old, ArrayView now) {
                if (old.state() == ArrayState.ACTIVE && now.state() == wanted) {
                    flushed.add(mirrorsAgreeAfterPowerCut(rig));
                }
            }

            @Override
            public void event(String word, String member) {}
        });
        rig.members.forEach(member -> member.forgetCounts());
        assertThat(rig.storeInPlainTree(0, "array_state", word)).isNull();
        for (int i = 0; i < STEPS_AFTER_STOP; i++) {
            rig.step(daemon, random);
            if (!rig.afterPowerCut(random).volumes().getFirst().dirty()) {
                assertThat(mirrorsAgreeAfterPowerCut(rig))
                        .as("clean, and the mirrors agree, seed %d", seed)
                        .isTrue();
            }
        }
        assertThat(flushed).as("seed %d", seed).containsExactly(true);
    }

    /** Tried often enough for each of the few writes to be lost on one of the two. */
    private boolean mirrorsAgreeAfterPowerCut(ExternalRig rig) {
        boolean agree = true;
        long from =
                redoubt.base.Sectors.toBytes(rig.volume(0).slots().getFirst().dataOffsetSectors());
        for (int cut = 0; cut < 8; cut++) {
            List<byte[]> left = new ArrayList<>();
            for (int disk = 0; disk < ExternalRig.DISKS; disk++) {
                byte[] image = rig.members.get(disk).imageAfterPowerCut(random);
                left.add(java.util.Arrays.copyOfRange(image, (int) from, (int) from + 8192));
            }
            agree &= java.util.Arrays.equals(left.get(0), left.get(1));
        }
        return agree;
    }

    /** Goal: what broke with a write under way is not called clean, though its word is one that mdmon takes for consistent. */
    @Test
    void noDaemonCallsAnArrayCleanThatBreaks() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        writeToAll(rig, daemon, random, 0);
        rig.members.forEach(member -> member.inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE)
                .within(0, rig.keeper.metadataArea(0).offset())));
        Asked write = rig.write(4096, 2);
        rig.until("the write ends", daemon, random, PATIENCE_NANOS, write::settled);
        assertThat(write.await()).isEqualTo(IoStatus.IO_ERROR);
        assertThat(rig.array.view().broken()).isTrue();
        ScriptedDaemon two = rig.daemon("two");
        for (int i = 0; i < STEPS_AFTER_STOP; i++) {
            rig.step(daemon, random);
            rig.step(two, random);
            expectDirtyAfterPowerCut(rig);
        }
    }

    /** Goal: where the data may not be durable yet, the fence is there before the word; where it is, a daemon sees the word first, as in md. */
    @ParameterizedTest
    @EnumSource(
            value = ArrayState.class,
            names = {"ACTIVE", "ACTIVE_IDLE"})
    void aDaemonSeesAnArrayEndWhereTheMembersAgreeAndHoldWhatWasWritten(ArrayState before) throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, 0);
        ScriptedDaemon daemon = rig.daemon("one");
        awaitState(rig, daemon, ArrayState.READ_AUTO, random);
        writeToAll(rig, daemon, random, 0);
        daemon.stopAfter(0);
        if (before == ArrayState.ACTIVE_IDLE) {
            rig.time.advance(2 * ExternalRig.IDLE_NANOS);
            rig.workers.runAll(1000);
        }
        assertThat(rig.array.view().state()).isEqualTo(before);
        List<Standing> seen = new ArrayList<>();
        rig.array.addListener(new ArrayListener() {
            @Override
            public void viewChanged(ArrayView old, ArrayView now) {
                if (now.state() == ArrayState.INACTIVE) {
                    seen.add(daemon.incarnation().standing());
                }
            }

            @Override
            public void event(String word, String member) {}
        });
        assertThat(stop(rig, () -> rig.workers.runAll(1000))).isTrue();
        assertThat(seen).containsExactly(before == ArrayState.ACTIVE ? Standing.FENCED : Standing.CURRENT);
        assertThat(rig.volume(0).dirty()).isFalse();
        assertThat(rig.volume(1).dirty()).isFalse();
    }
}

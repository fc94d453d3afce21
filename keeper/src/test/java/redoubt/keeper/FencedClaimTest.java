package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.base.ArrayState;
import redoubt.base.Extent;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.WriteRound;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;
import redoubt.testkit.Fault;
import redoubt.testkit.Inspection;
import redoubt.testkit.Seed;

/**
 * Goal: what a daemon wrote to one member, and to no other, before it was fenced, never wins over what the engine writes when it takes over; nor does it keep
 * the container from being formed. Method: a block of the next generation, which knows of no write and of no failure, whole or cut, on a member
 * that the takeover reads, does not read, or reaches no more; the power cut after each step.
 */
@Tag("slow")
class FencedClaimTest {

    @RegisterExtension
    final Inspection inspection = new Inspection();

    private static final long PATIENCE_NANOS = ExternalRig.DEADLINE_NANOS + 4 * ExternalRig.MEMBER_LIMIT_NANOS;
    private static final int STEPS_AFTERWARDS = 200;

    private final long seed = Seed.next();
    private final SplittableRandom random = new SplittableRandom(seed);

    /** What became of the member that the claim is on. */
    enum Carrier {
        /** It stays; another one has failed. */
        IN_SYNC(1, 0) {
            @Override
            void happen(ExternalRig rig) {
                rig.array.failMember(lost);
            }
        },
        /** It has failed, so nobody reads it. */
        FAILED(0, 0) {
            @Override
            void happen(ExternalRig rig) {
                rig.array.failMember(lost);
            }
        },
        /** It fails when the takeover reads it. */
        UNREADABLE(1, 1) {
            @Override
            void happen(ExternalRig rig) {
                Extent area = rig.keeper.metadataArea(disk);
                rig.members
                        .get(disk)
                        .inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.READ, IoOperation.WRITE)
                                .within(area.offset(), area.offset() + area.length()));
            }
        },
        /** The claim hangs on its way to it, and lands when it has been given up and all is over. */
        LATE(1, 1) {
            @Override
            void before(ExternalRig rig) {
                rig.members.get(disk).inject(Fault.hanging(IoOperation.WRITE).times(1));
            }

            @Override
            void after(ExternalRig rig) {
                rig.members.get(disk).heal();
            }
        };

        final int disk;
        final int lost; // the disk that is failed in the end

        Carrier(int disk, int lost) {
            this.disk = disk;
            this.lost = lost;
        }

        void before(ExternalRig rig) {}

        void happen(ExternalRig rig) {}

        void after(ExternalRig rig) {}
    }

    @ParameterizedTest
    @EnumSource
    void aWholeBlockOfAFencedDaemonNeverWins(Carrier carrier) throws Exception {
        for (ExternalRig.Shape shape : ExternalRig.Shape.values()) {
            claim(shape, carrier, false);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCutBlockOfAFencedDaemonNeverWins(Carrier carrier) throws Exception {
        for (ExternalRig.Shape shape : ExternalRig.Shape.values()) {
            claim(shape, carrier, true);
        }
    }

    private void claim(ExternalRig.Shape shape, Carrier carrier, boolean cut) throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS, shape);
        try (SteppedDaemon daemon = rig.mdmon("one")) {
            rig.until(
                    "read-auto",
                    daemon,
                    random,
                    PATIENCE_NANOS,
                    () -> rig.arrays.stream().noneMatch(array -> array.view().state() == ArrayState.READONLY));
            daemon.stopAfter(0);
            long highest = rig.generation(carrier.disk);
            carrier.before(rig);
            put(rig, daemon.incarnation(), carrier.disk, cut);
            carrier.happen(rig);
            Asked write = rig.write(0, 1);
            rig.until("the write ends", daemon, random, PATIENCE_NANOS, () -> {
                ContainerPicture left = rig.afterPowerCut(random);
                assertThat(left.generation()).as("seed %d", seed).isGreaterThanOrEqualTo(highest);
                if (write.settled()) {
                    assertThat(left.volumes().getFirst().dirty())
                            .as("dirty, seed %d", seed)
                            .isTrue();
                }
                return write.settled();
            });
            assertThat(write.await()).as("seed %d", seed).isEqualTo(IoStatus.OK);
            assertThat(rig.events).contains("KeeperFenced one", "KeeperTakenOver");
            carrier.after(rig);
            for (int i = 0; i < STEPS_AFTERWARDS; i++) {
                rig.step();
                rig.afterPowerCut(random); // they form a container
            }
            VolumePicture volume = rig.afterPowerCut(random).volumes().getFirst();
            for (int slot = 0; slot < shape.disks; slot++) {
                assertThat(volume.slots().get(slot).state() == SlotState.IN_SYNC)
                        .as("slot %d is in sync, seed %d", slot, seed)
                        .isEqualTo(slot != carrier.lost);
            }
            rig.expectSurvivorsAgree();
        } finally {
            inspection.settle();
        }
    }

    /** The same of a member whose failure is recorded nowhere, for nothing was written since: it counts, and is not read. */
    @Test
    void aBlockOnAMemberThatIsOutUnrecordedContradictsNothing() throws Exception {
        ExternalRig rig = new ExternalRig(inspection, seed, ExternalRig.DEADLINE_NANOS);
        try (SteppedDaemon daemon = rig.mdmon("one")) {
            rig.until(
                    "read-auto",
                    daemon,
                    random,
                    PATIENCE_NANOS,
                    () -> rig.array.view().state() == ArrayState.READ_AUTO);
            daemon.stopAfter(0);
            put(rig, daemon.incarnation(), 0, false);
            rig.array.failMember(0);
            daemon.incarnation().leave();
            for (int i = 0; i < STEPS_AFTERWARDS; i++) {
                rig.step();
                rig.afterPowerCut(random);
            }
            assertThat(rig.events).contains("KeeperTakenOver");
        }
    }

    /** The next block on one member: clean, and with all members. */
    private static void put(ExternalRig rig, Incarnation daemon, int disk, boolean cut) throws Exception {
        ContainerMetadata before =
                rig.chosen(rig.members.stream().map(member -> member.content()).toList());
        WriteRound.MemberWrites writes = before.write(Optional.empty()).members().stream()
                .filter(each -> each.disk() == disk)
                .findFirst()
                .orElseThrow();
        for (WriteRound.Step step : writes.steps()) {
            if (step instanceof WriteRound.Step.Put(long offset, var bytes)) {
                byte[] block = bytes.toArray();
                if (cut && offset == rig.keeper.places().anchor(disk).offset()) {
                    Arrays.fill(block, block.length / 2, block.length, (byte) 0);
                }
                new Asker(daemon.door(disk)).steppedBy(rig::step).startWrite(offset, block, 0);
            }
        }
        rig.workers.runAll(1000);
    }
}

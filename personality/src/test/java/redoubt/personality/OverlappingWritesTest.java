package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.Level;
import redoubt.testkit.Fault;
import redoubt.testkit.Seed;
import redoubt.testkit.SimulatedMember;
import redoubt.testkit.Waiting;

/**
 * Writes that overlap and are in flight together leave copies that agree: the members, which take what they are given in any order, are
 * given one of them after the other.
 */
class OverlappingWritesTest {

    private static final int COMPONENT = 256 << 10;
    private static final int BLOCK = 4096;

    /** The levels that keep copies. */
    enum Shape {
        RAID1(Level.RAID1, 2, 2),
        RAID1_OF_THREE(Level.RAID1, 3, 3),
        RAID10(Level.RAID10, 4, 2),
        RAID10_OF_FIVE(Level.RAID10, 5, 2);

        final Level level;
        final int slots;
        final int copies;

        Shape(Level level, int slots, int copies) {
            this.level = level;
            this.slots = slots;
            this.copies = copies;
        }

        NearLayout layout() {
            return new NearLayout(slots, copies, 16 << 10);
        }

        List<SimulatedMember> disks(Shaker shaker) {
            List<SimulatedMember> disks = new ArrayList<>();
            for (int slot = 0; slot < slots; slot++) {
                disks.add(shaker.disk(Rig.DATA_START + COMPONENT));
            }
            return disks;
        }

        Rig rig(List<SimulatedMember> disks) {
            return new Rig(
                            host -> new CopiesPersonality(host, level, layout(), 16 << 10),
                            layout(),
                            disks,
                            COMPONENT,
                            0,
                            true)
                    .agreeing(members -> assertAgree(members, 0));
        }

        /** Every copy that is not on a failed member holds the same. */
        void assertAgree(List<byte[]> members, long failed) {
            NearLayout layout = layout();
            long capacity = layout.capacity(COMPONENT);
            for (long at = 0; at < capacity; at += Rig.BLOCK) {
                byte[] first = null;
                for (int copy = 0; copy < copies; copy++) {
                    if ((failed >>> layout.slot(at, copy) & 1) == 0) {
                        int from = (int) layout.memberOffset(at, copy);
                        byte[] block = Arrays.copyOfRange(members.get(layout.slot(at, copy)), from, from + Rig.BLOCK);
                        first = first == null ? block : first;
                        assertThat(Arrays.equals(block, first))
                                .as("copy %d of byte %d is as the first", copy, at)
                                .isTrue();
                    }
                }
            }
        }
    }

    private static byte[] full(int length, int value) {
        byte[] content = new byte[length];
        Arrays.fill(content, (byte) value);
        return content;
    }

    /** Several threads write, trim and zero the same few blocks, 512 bytes to a good part of the array at a time. */
    private static void storm(Rig rig, long seed, int threads, int rounds) {
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            Random random = new Random(seed + t);
            int number = t;
            all.add(Thread.ofPlatform().daemon(true).start(() -> {
                for (int round = 0; round < rounds; round++) {
                    List<Rig.Asked> asked = new ArrayList<>();
                    for (int i = 0; i < 8; i++) {
                        long offset = (long) random.nextInt(24) * Rig.BLOCK;
                        int longest = random.nextInt(8) == 0 ? 100 : 8;
                        int length = (1 + random.nextInt(longest)) * Rig.BLOCK;
                        asked.add(
                                switch (random.nextInt(10)) {
                                    case 0 -> rig.start(IoOperation.TRIM, offset, length, 0, null);
                                    case 1 -> rig.start(IoOperation.WRITE_ZEROES, offset, length, 0, null);
                                    default -> rig.startWrite(offset, full(length, number * 50 + round + i + 1));
                                });
                    }
                    asked.forEach(Rig.Asked::await);
                }
            }));
        }
        Waiting.until("the writers are done, seed " + seed, () -> all.stream().noneMatch(Thread::isAlive));
    }

    /** Goal: the members agree in the end. Method: a storm on a few blocks, over disks that answer in any order; closing compares. */
    @ParameterizedTest
    @EnumSource
    void leaveCopiesThatAgree(Shape shape) {
        long seed = Seed.next();
        try (Shaker shaker = new Shaker(seed, 3, 30);
                Rig rig = shape.rig(shape.disks(shaker))) {
            storm(rig, seed, 4, 40);
        }
    }

    /** Goal: the same when a member fails, or hangs, in the middle: what is done again then is in order too. */
    @ParameterizedTest
    @EnumSource
    void leaveCopiesThatAgreeWhenAMemberGoes(Shape shape) {
        for (boolean hangs : new boolean[] {false, true}) {
            long seed = Seed.next();
            try (Shaker shaker = new Shaker(seed, 3, 30)) {
                List<SimulatedMember> disks = shape.disks(shaker);
                try (Rig rig = shape.rig(disks)) {
                    Fault fault = hangs
                            ? Fault.hanging(IoOperation.WRITE)
                            : Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE)
                                    .tearing();
                    disks.get(1).inject(fault.after(40));
                    storm(rig, seed, 4, 20);
                    assertThat(rig.array.view().degraded()).as("seed %d", seed).isOne();
                }
                shape.assertAgree(Rig.contents(disks, COMPONENT), 2);
            }
        }
    }

    /** Goal: one of them is with the members, the others are parked; hundreds are worked off without recursion, the last one wins. */
    @ParameterizedTest
    @EnumSource
    void goOneAfterTheOther(Shape shape) {
        for (int inlinePercent : new int[] {0, 100}) {
            try (Shaker shaker = new Shaker(3, 2, inlinePercent);
                    Rig rig = shape.rig(shape.disks(shaker))) {
                rig.write(0, full(BLOCK, 1)); // the gate is open from here on
                shaker.hold();
                List<Rig.Asked> asked = new ArrayList<>();
                for (int i = 0; i < 120; i++) {
                    asked.add(rig.startWrite(0, full(BLOCK, i)));
                }
                asked.add(rig.start(IoOperation.WRITE_ZEROES, 0, 2L * BLOCK, 0, null));
                asked.add(rig.startWrite(0, full(BLOCK, 99)));
                assertThat(shaker.waiting()).as("the first one's copies").isEqualTo(shape.copies);
                shaker.letGo();
                asked.forEach(one -> assertThat(one.await()).isEqualTo(IoStatus.OK));
                assertThat(rig.read(0, BLOCK)).isEqualTo(full(BLOCK, 99));
            }
        }
    }

    /** Goal: a member that hangs holds up those parked behind its write until it is given up, and no longer. */
    @ParameterizedTest
    @EnumSource
    void goOnWhenTheOneInFrontHung(Shape shape) {
        try (Shaker shaker = new Shaker(5, 2, 0)) {
            List<SimulatedMember> disks = shape.disks(shaker);
            try (Rig rig = shape.rig(disks)) {
                rig.write(0, full(BLOCK, 1));
                disks.get(1).inject(Fault.hanging(IoOperation.WRITE));
                shaker.hold();
                List<Rig.Asked> asked = new ArrayList<>();
                for (int i = 0; i < 40; i++) {
                    asked.add(rig.startWrite(0, full(BLOCK, i)));
                    asked.add(rig.startWrite(i * 512L, full(8 * BLOCK, i)));
                }
                shaker.letGo();
                asked.forEach(one -> assertThat(one.await()).isEqualTo(IoStatus.OK));
                assertThat(rig.array.view().inSync(1)).isFalse();
            }
            shape.assertAgree(Rig.contents(disks, COMPONENT), 2);
        }
    }

    /** Goal: stopping leaves nobody parked, whether it can wait for them or not. */
    @ParameterizedTest
    @EnumSource
    void endWhenTheArrayStops(Shape shape) {
        for (boolean patient : new boolean[] {true, false}) {
            try (Shaker shaker = new Shaker(9, 2, 0);
                    Rig rig = shape.rig(shape.disks(shaker))) {
                rig.write(0, full(BLOCK, 1));
                shaker.hold();
                List<Rig.Asked> asked = new ArrayList<>();
                for (int i = 0; i < 50; i++) {
                    asked.add(rig.startWrite(0, full(BLOCK, i)));
                }
                AtomicBoolean quiet = new AtomicBoolean();
                if (patient) {
                    Thread stopping =
                            Thread.ofPlatform().daemon(true).start(() -> quiet.set(rig.array.stop(20_000_000_000L)));
                    shaker.letGo();
                    Waiting.until("the array has stopped", () -> !stopping.isAlive());
                    asked.forEach(one -> assertThat(one.await()).isEqualTo(IoStatus.OK));
                } else {
                    quiet.set(rig.array.stop(1_000_000));
                    shaker.letGo();
                    asked.forEach(one -> assertThat(one.await()).isIn(IoStatus.OK, IoStatus.GONE, IoStatus.IO_ERROR));
                }
                assertThat(quiet.get()).isEqualTo(patient);
            }
        }
    }
}

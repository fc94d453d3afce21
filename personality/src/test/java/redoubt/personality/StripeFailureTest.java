package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.Level;
import redoubt.testkit.Fault;
import redoubt.testkit.SimulatedMember;

/** The table of failures of {@link Raid5Personality}, row by row: one small write, one member that goes wrong in one of its steps. */
class StripeFailureTest {

    private static final int SLOTS = 5;
    private static final int CHUNK = 16 << 10;
    private static final int CHUNKS = 4;
    private static final int PARITY = 4; // of the first stripe
    private static final int DATA = 0;

    /** What goes wrong. The write reads old data and old parity, then writes both: each member is asked twice. */
    enum Failing {
        OLD_DATA_UNREADABLE(DATA, false),
        OLD_PARITY_UNREADABLE(PARITY, false),
        OLD_DATA_HANGS(DATA, true),
        OLD_PARITY_HANGS(PARITY, true),
        DATA_WRITE_FAILS(DATA, true),
        DATA_WRITE_HANGS(DATA, true),
        PARITY_WRITE_FAILS(PARITY, true),
        PARITY_WRITE_HANGS(PARITY, true);

        final int slot;
        final boolean costsTheMember;

        Failing(int slot, boolean costsTheMember) {
            this.slot = slot;
            this.costsTheMember = costsTheMember;
        }

        void strike(SimulatedMember disk) {
            disk.inject(
                    switch (this) {
                        case OLD_DATA_UNREADABLE, OLD_PARITY_UNREADABLE ->
                            Fault.failing(IoStatus.IO_ERROR, IoOperation.READ)
                                    .within(Rig.DATA_START, Rig.DATA_START + CHUNK);
                        case OLD_DATA_HANGS, OLD_PARITY_HANGS ->
                            Fault.hanging(IoOperation.READ).ofEverything();
                        case DATA_WRITE_FAILS, PARITY_WRITE_FAILS -> failingWrites();
                        case DATA_WRITE_HANGS, PARITY_WRITE_HANGS -> Fault.hanging(IoOperation.WRITE);
                    });
        }
    }

    private static Fault failingWrites() {
        return Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE).tearing();
    }

    private static List<SimulatedMember> disks(Shaker shaker) {
        List<SimulatedMember> disks = new ArrayList<>();
        for (int slot = 0; slot < SLOTS; slot++) {
            disks.add(shaker.disk(Rig.DATA_START + CHUNKS * CHUNK));
        }
        return disks;
    }

    private static Rig rig(List<SimulatedMember> disks, long missing, Level level) {
        ParityRotation rotation = level == Level.RAID4 ? ParityRotation.PARITY_LAST : ParityRotation.LEFT_ASYMMETRIC;
        ParityLayout layout = new ParityLayout(SLOTS, CHUNK, rotation);
        return new Rig(
                        host -> new Raid5Personality(host, level, layout),
                        layout,
                        disks,
                        (long) CHUNKS * CHUNK,
                        missing,
                        true)
                .agreeing(members -> Rig.assertParity(members, CHUNKS * CHUNK));
    }

    private static byte[] noise(int length, int seed) {
        byte[] content = new byte[length];
        new Random(seed).nextBytes(content);
        return content;
    }

    private static void assertHolds(Rig rig, byte[] model) {
        assertThat(Arrays.mismatch(rig.readAll(), model)).isEqualTo(-1);
    }

    @ParameterizedTest
    @EnumSource
    void aSmallWriteSurvives(Failing failing) {
        try (Shaker shaker = new Shaker(7, 2, 0)) {
            List<SimulatedMember> disks = disks(shaker);
            byte[] model;
            try (Rig rig = rig(disks, 0, Level.RAID5)) {
                model = noise((int) rig.size(), 1);
                for (int at = 0; at < model.length; at += CHUNK) {
                    assertThat(rig.write(at, Arrays.copyOfRange(model, at, at + CHUNK)))
                            .isEqualTo(IoStatus.OK);
                }
                failing.strike(disks.get(failing.slot));
                byte[] content = noise(4096, 2);
                System.arraycopy(content, 0, model, 4096, 4096);
                assertThat(rig.write(4096, content)).isEqualTo(IoStatus.OK);
                assertThat(rig.array.view().inSync(failing.slot)).isEqualTo(!failing.costsTheMember);
                assertHolds(rig, model);
                disks.get(failing.slot).heal();
                assertHolds(rig, model);
            }
            int lost = failing.slot;
            if (!failing.costsTheMember) {
                // It was written all the same, so anybody may be lost.
                lost = (failing.slot + 1) % SLOTS;
            }
            try (Rig rig = rig(disks, 1L << lost, Level.RAID5)) {
                assertHolds(rig, model);
            }
        }
    }

    /** Goal: with two members gone wrong a write is refused, soon, and what was not touched is still read where it can be. */
    @Test
    void twoFailuresAreAnError() {
        try (Shaker shaker = new Shaker(7, 2, 0)) {
            List<SimulatedMember> disks = disks(shaker);
            try (Rig rig = rig(disks, 0, Level.RAID5)) {
                assertThat(rig.write(0, noise(CHUNK, 1))).isEqualTo(IoStatus.OK);
                disks.get(DATA).inject(failingWrites());
                disks.get(PARITY).inject(failingWrites());
                assertThat(rig.write(4096, noise(4096, 2))).isEqualTo(IoStatus.IO_ERROR);
                assertThat(rig.array.view().broken()).isTrue();
                assertThat(rig.write(0, noise(4096, 3))).isEqualTo(IoStatus.IO_ERROR);
                assertThat(rig.startRead(CHUNK, 4096).await()).isEqualTo(IoStatus.OK);
            }
        }
    }

    /** Goal: nobody waits for ever where calls to two members that hang keep all memory: an error comes, and what can be read is. */
    @Test
    void twoHungMembersAreAnError() {
        int stripes = 100;
        try (Shaker shaker = new Shaker(7, 3, 0)) {
            List<SimulatedMember> disks = new ArrayList<>();
            for (int slot = 0; slot < SLOTS; slot++) {
                disks.add(shaker.disk(Rig.DATA_START + stripes * CHUNK));
            }
            ParityLayout layout = new ParityLayout(SLOTS, CHUNK, ParityRotation.PARITY_LAST);
            try (Rig rig = new Rig(
                    host -> new Raid5Personality(host, Level.RAID4, layout),
                    layout,
                    disks,
                    (long) stripes * CHUNK,
                    0,
                    true)) {
                assertThat(rig.write(0, noise(512, 1))).isEqualTo(IoStatus.OK);
                disks.get(DATA).inject(Fault.hanging(IoOperation.READ).ofEverything());
                disks.get(PARITY).inject(Fault.hanging(IoOperation.READ).ofEverything());
                shaker.hold();
                List<Rig.Asked> asked = new ArrayList<>();
                for (int stripe = 0; stripe < stripes; stripe++) {
                    asked.add(rig.startWrite((long) stripe * CHUNK * (SLOTS - 1), noise(512, stripe)));
                }
                shaker.letGo();
                asked.forEach(one -> assertThat(one.await()).isEqualTo(IoStatus.IO_ERROR));
                assertThat(rig.array.view().broken()).isTrue();
                for (int i = 0; i < 3; i++) {
                    assertThat(rig.startRead(0, 512).await()).isEqualTo(IoStatus.IO_ERROR);
                }
                assertThat(rig.startRead(CHUNK, 512).await()).isEqualTo(IoStatus.OK);
            }
        }
    }

    /** Goal: no write waits for memory that calls keep which hang, not even where all of them are for one member: RAID4's parity. */
    @Test
    void hungCallsDoNotUseUpTheWorkplaces() {
        try (Shaker shaker = new Shaker(7, 3, 10)) {
            List<SimulatedMember> disks = disks(shaker);
            try (Rig rig = rig(disks, 0, Level.RAID4)) {
                assertThat(rig.write(0, noise(512, 1))).isEqualTo(IoStatus.OK);
                disks.get(PARITY).inject(Fault.hanging(IoOperation.READ).ofEverything());
                byte[] model = noise((int) rig.size(), 4);
                for (int round = 0; round < 3; round++) {
                    List<Rig.Asked> asked = new ArrayList<>();
                    for (int at = 0; at < model.length; at += 2048) {
                        asked.add(rig.startWrite(at, Arrays.copyOfRange(model, at, at + 2048)));
                    }
                    asked.add(rig.start(IoOperation.FLUSH, 0, 0, 0, null));
                    asked.forEach(one -> assertThat(one.await()).isEqualTo(IoStatus.OK));
                }
                assertThat(disks.get(PARITY).holdsQuarantine()).isTrue();
                assertHolds(rig, model);
            }
        }
    }
}

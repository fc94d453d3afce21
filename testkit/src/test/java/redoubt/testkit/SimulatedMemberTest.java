package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import redoubt.block.BlockDevice;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.sim.SteppedTime;
import redoubt.sim.SteppedWorkers;

/** The simulated disk keeps the contract of every disk, and fails as it says. */
class SimulatedMemberTest extends BlockDeviceContract {

    private final SteppedWorkers workers = new SteppedWorkers(3);

    @Override
    protected BlockDevice open(int blockBytes) {
        return new SimulatedMember("sim", new byte[(int) SIZE_BYTES], blockBytes, PowerRail.steady(), 5)
                .servedBy(workers);
    }

    @Override
    protected Asker askerOf(BlockDevice device) {
        return new Asker(device).steppedBy(workers::runOne);
    }

    @Test
    void aPowerCutKeepsWhatWasFlushedAndMayTearTheRest() {
        SimulatedMember disk = disk(PowerRail.steady());
        byte[] first = filled(4096, 1);
        byte[] second = filled(4096, 2);
        try (Asker asker = new Asker(disk)) {
            asker.write(0, first);
            asker.flush();
            asker.write(0, second);
            asker.writeFua(8192, second);
        }
        boolean torn = false;
        boolean lost = false;
        for (long seed = 0; seed < 200; seed++) {
            byte[] image = disk.imageAfterPowerCut(new SplittableRandom(seed));
            assertThat(Arrays.copyOfRange(image, 8192, 12288)).isEqualTo(second);
            int kept = 0;
            for (int sector = 0; sector < 8; sector++) {
                byte content = image[sector * 512];
                assertThat(content).isIn((byte) 1, (byte) 2);
                kept += content == 2 ? 1 : 0;
            }
            torn |= kept > 0 && kept < 8;
            lost |= kept == 0;
        }
        assertThat(torn && lost).isTrue();
    }

    @Test
    void afterTheCutNothingIsDoneAnyMore() {
        PowerRail power = PowerRail.cutAt(3);
        SimulatedMember disk = disk(power);
        try (Asker asker = new Asker(disk)) {
            assertThat(asker.write(0, filled(512, 1))).isEqualTo(IoStatus.OK);
            assertThat(asker.flush()).isEqualTo(IoStatus.OK);
            assertThat(asker.write(512, filled(512, 1))).isEqualTo(IoStatus.GONE);
            assertThat(asker.write(0, filled(512, 9))).isEqualTo(IoStatus.GONE);
        }
        byte[] image = disk.imageAfterPowerCut(new SplittableRandom(1));
        assertThat(image[0]).isEqualTo((byte) 1);
    }

    @Test
    void whatHangsIsGivenUpInTimeAndItsMemoryComesBackLate() {
        SteppedTime time = new SteppedTime();
        SimulatedMember disk = disk(PowerRail.steady()).withTimeLimit(1000, time);
        disk.inject(Fault.hanging(IoOperation.WRITE).after(1));
        try (Asker asker = new Asker(disk)) {
            assertThat(asker.write(0, filled(512, 1))).isEqualTo(IoStatus.OK);
            Asked hung = asker.startWrite(0, filled(512, 2), 0);
            time.advance(999);
            assertThat(hung.settled()).isFalse();
            time.advance(1);
            assertThat(hung.await()).isEqualTo(IoStatus.TIMED_OUT);
            hung.free();
            assertThat(disk.holdsQuarantine()).isTrue();
            assertThat(asker.pool().free()).isLessThan(asker.pool().total());
            assertThat(asker.write(0, filled(512, 3))).isEqualTo(IoStatus.GONE);
            disk.heal();
            assertThat(disk.content()[0]).as("the late write lands").isEqualTo((byte) 2);
        }
    }

    /** Goal: what is delayed is done when its time has come, not before and not twice, and overtaken by what is not delayed. */
    @Test
    void whatIsDelayedIsDoneInItsTime() {
        SteppedTime time = new SteppedTime();
        SimulatedMember disk = disk(PowerRail.steady()).timedBy(time);
        disk.inject(Fault.delaying(1000, IoOperation.WRITE).times(1));
        try (Asker asker = new Asker(disk)) {
            Asked delayed = asker.startWrite(0, filled(512, 1), 0);
            assertThat(asker.write(512, filled(512, 2))).isEqualTo(IoStatus.OK);
            time.advance(999);
            assertThat(delayed.settled()).isFalse();
            assertThat(disk.content()[0]).as("nothing is done before its time").isZero();
            time.advance(1);
            assertThat(delayed.await()).isEqualTo(IoStatus.OK);
            assertThat(disk.content()[0]).isEqualTo((byte) 1);
            time.advance(5000);
            assertThat(delayed.timesSettled()).isEqualTo(1);
        }
    }

    /** Goal: what is delayed past the time limit is given up in time; it lands late, and what it read late is not to be used. */
    @Test
    void whatIsDelayedForTooLongIsGivenUp() {
        SteppedTime time = new SteppedTime();
        SimulatedMember disk = disk(PowerRail.steady()).withTimeLimit(1000, time);
        disk.inject(Fault.delaying(3000, IoOperation.WRITE, IoOperation.READ));
        try (Asker asker = new Asker(disk)) {
            Asked write = asker.startWrite(0, filled(512, 1), 0);
            Asked read = asker.start(IoOperation.READ, 512, 512, 0, null);
            time.advance(1000);
            assertThat(write.await()).isEqualTo(IoStatus.TIMED_OUT);
            assertThat(read.await()).isEqualTo(IoStatus.TIMED_OUT);
            assertThat(disk.holdsQuarantine()).isTrue();
            assertThat(asker.write(0, filled(512, 3))).isEqualTo(IoStatus.GONE);
            time.advance(2000);
            assertThat(disk.holdsQuarantine()).isFalse();
            assertThat(disk.content()[0]).as("the late write lands").isEqualTo((byte) 1);
            assertThat(read.content()).containsOnly(0xEE);
        }
    }

    @Test
    void noDelayWithoutASenseOfTime() {
        SimulatedMember disk = disk(PowerRail.steady());
        assertThatThrownBy(() -> disk.inject(Fault.delaying(1, IoOperation.READ)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("timedBy");
    }

    /** Goal: a write that tears leaves its first half, and fails. */
    @Test
    void aTornWriteLeavesHalf() {
        SimulatedMember disk = disk(PowerRail.steady());
        disk.inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE).tearing());
        try (Asker asker = new Asker(disk)) {
            assertThat(asker.write(0, filled(1536, 7))).isEqualTo(IoStatus.IO_ERROR);
        }
        byte[] content = disk.content();
        assertThat(content[511]).isEqualTo((byte) 7);
        assertThat(content[512]).isZero();
    }

    @Test
    void faultsMeetTheirRangeTheirTimeAndTheirNumber() {
        SimulatedMember disk = disk(PowerRail.steady());
        disk.inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.READ)
                .within(4096, 8192)
                .after(1)
                .times(2));
        try (Asker asker = new Asker(disk)) {
            assertThat(asker.ask(IoOperation.READ, 0, 512, 0, null)).isEqualTo(IoStatus.OK);
            assertThat(asker.ask(IoOperation.READ, 4096, 512, 0, null)).isEqualTo(IoStatus.OK);
            assertThat(asker.ask(IoOperation.READ, 4096, 512, 0, null)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.ask(IoOperation.READ, 3584, 1024, 0, null)).isEqualTo(IoStatus.IO_ERROR);
            assertThat(asker.ask(IoOperation.READ, 4096, 512, 0, null)).isEqualTo(IoStatus.OK);
        }
    }

    private static SimulatedMember disk(PowerRail power) {
        return new SimulatedMember("sim", new byte[1 << 20], 512, power, 1);
    }

    private static byte[] filled(int length, int with) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) with);
        return bytes;
    }
}

package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;

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

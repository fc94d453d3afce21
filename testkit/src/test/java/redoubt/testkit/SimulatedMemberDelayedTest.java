package redoubt.testkit;

import redoubt.base.ThreadHeartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.IoOperation;

/** The simulated member keeps the contract when most requests come back late, on another thread, and others overtake them. */
class SimulatedMemberDelayedTest extends BlockDeviceContract {

    private static final long DELAY_NANOS = 500_000;
    private static final int DELAYED = 400;

    @Override
    protected BlockDevice open(int blockBytes) {
        ThreadHeartbeat heartbeat = new ThreadHeartbeat(DELAY_NANOS);
        closeAfterwards(heartbeat);
        SimulatedMember member = new SimulatedMember(
                        "delayed", new byte[(int) SIZE_BYTES], blockBytes, PowerRail.steady(), Seed.next())
                .timedBy(heartbeat);
        Fault delay = Fault.delaying(
                DELAY_NANOS,
                IoOperation.READ,
                IoOperation.WRITE,
                IoOperation.FLUSH,
                IoOperation.TRIM,
                IoOperation.WRITE_ZEROES,
                IoOperation.ALLOCATION);
        // Each counts the requests that those before it let pass.
        for (int delayed = 0; delayed < DELAYED; delayed++) {
            member.inject(delay.after(delayed + 1).times(1));
        }
        return member;
    }
}

package redoubt.testkit;

import redoubt.block.BlockDevice;
import redoubt.sim.SteppedWorkers;

/** The simulated member keeps the contract when a scheduler that the test steps carries requests out, in any order. */
class SimulatedMemberSteppedTest extends BlockDeviceContract {

    private SteppedWorkers workers;

    @Override
    protected BlockDevice open(int blockBytes) {
        long seed = Seed.next();
        workers = new SteppedWorkers(seed);
        return new SimulatedMember("stepped", new byte[(int) SIZE_BYTES], blockBytes, PowerRail.steady(), seed)
                .servedBy(workers);
    }

    @Override
    protected Asker askerOf(BlockDevice device) {
        return new Asker(device).steppedBy(workers::runOne);
    }
}

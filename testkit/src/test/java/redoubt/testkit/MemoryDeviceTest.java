package redoubt.testkit;

import redoubt.block.BlockDevice;
import redoubt.block.MemoryDevice;

/** Memory keeps the contract. */
class MemoryDeviceTest extends BlockDeviceContract {

    @Override
    protected BlockDevice open(int blockBytes) {
        return new MemoryDevice(SIZE_BYTES, blockBytes);
    }
}

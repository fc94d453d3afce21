package redoubt.assembly;

import java.util.Map;
import redoubt.assembly.content.Content;
import redoubt.base.Sectors;
import redoubt.md.Layout;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.VolumePicture;

/** A volume as it would read if its disks were arranged in a certain way. Slow and simple: for looking at a few places, not for serving. */
final class AssumedVolume implements Content {

    private final VolumePicture volume;
    private final Layout layout;
    private final Arrangement arrangement;
    private final Map<Integer, DiskPages> disks;

    AssumedVolume(VolumePicture volume, Layout layout, Arrangement arrangement, Map<Integer, DiskPages> disks) {
        this.volume = volume;
        this.layout = layout;
        this.arrangement = arrangement;
        this.disks = disks;
    }

    @Override
    public long size() {
        return Sectors.toBytes(volume.sizeSectors());
    }

    @Override
    public byte[] read(long offset, int length) throws ReadFailed {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            long at = offset + done;
            int piece = (int) Math.min(length - done, layout.run(at));
            System.arraycopy(piece(at, piece), 0, bytes, done, piece);
            done += piece;
        }
        return bytes;
    }

    private byte[] piece(long at, int length) throws ReadFailed {
        for (int copy = 0; copy < layout.copies(); copy++) {
            SlotPicture slot = volume.slots().get(layout.slot(at, copy));
            int disk = arrangement.inSync(slot);
            if (disk != Arrangement.NOBODY) {
                return read(disk, slot, layout.memberOffset(at, copy), length);
            }
        }
        return fromTheOthers(layout.slot(at, 0), layout.memberOffset(at, 0), length);
    }

    /** Parity: what is missing is the sum of all the others. */
    private byte[] fromTheOthers(int missing, long memberOffset, int length) throws ReadFailed {
        byte[] sum = new byte[length];
        for (SlotPicture slot : volume.slots()) {
            if (slot.slot() != missing) {
                xor(sum, read(arrangement.inSync(slot), slot, memberOffset, length));
            }
        }
        return sum;
    }

    static void xor(byte[] sum, byte[] other) {
        for (int i = 0; i < sum.length; i++) {
            sum[i] ^= other[i];
        }
    }

    private byte[] read(int disk, SlotPicture slot, long memberOffset, int length) throws ReadFailed {
        DiskPages pages = disks.get(disk);
        if (pages == null) {
            throw new ReadFailed("slot %d has no disk to read from".formatted(slot.slot()));
        }
        return pages.read(Sectors.toBytes(slot.dataOffsetSectors()) + memberOffset, length);
    }
}

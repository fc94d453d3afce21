package redoubt.metadata.md1;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import redoubt.base.Sectors;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Bytes;
import redoubt.metadata.Candidate;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MdUuid;
import redoubt.metadata.ReadFailed;

/** Superblocks made by hand, and disks in memory that carry them. */
final class Superblocks {

    static final long DISK_BYTES = 64 << 20;
    static final DiskGeometry GEOMETRY = new DiskGeometry(DISK_BYTES, 512);
    static final long DATA_OFFSET = 2048;
    static final long DATA_SIZE = Sectors.ofBytes(DISK_BYTES) - DATA_OFFSET;

    private Superblocks() {}

    /** A disk of which only the ends exist. */
    static final class MemoryDisk implements BlockReader {
        private final DiskGeometry geometry;
        private final byte[] head = new byte[128 * 1024];
        private final byte[] tail = new byte[128 * 1024];

        MemoryDisk(DiskGeometry geometry) {
            this.geometry = geometry;
        }

        @Override
        public byte[] read(long offsetBytes, int lengthBytes) throws ReadFailed {
            if (offsetBytes % geometry.sectorBytes() != 0 || lengthBytes % geometry.sectorBytes() != 0) {
                throw new ReadFailed("not in whole sectors: " + offsetBytes + " +" + lengthBytes);
            }
            if (offsetBytes < 0 || offsetBytes + lengthBytes > geometry.sizeBytes()) {
                throw new ReadFailed("beyond the disk: " + offsetBytes + " +" + lengthBytes);
            }
            byte[] bytes = new byte[lengthBytes];
            for (int i = 0; i < lengthBytes; i++) {
                long at = offsetBytes + i;
                long fromTail = at - (geometry.sizeBytes() - tail.length);
                bytes[i] = at < head.length ? head[(int) at] : fromTail >= 0 ? tail[(int) fromTail] : 0;
            }
            return bytes;
        }

        void write(long at, byte[] bytes) {
            long fromTail = at - (geometry.sizeBytes() - tail.length);
            if (at + bytes.length <= head.length) {
                System.arraycopy(bytes, 0, head, (int) at, bytes.length);
            } else {
                System.arraycopy(bytes, 0, tail, (int) fromTail, bytes.length);
            }
        }
    }

    /** A superblock of a clean array of level 5 on so many disks, each in its own slot, as {@code number} carries it. */
    static Md1Superblock raid5(Md1Minor minor, int disks, int number, long events) {
        List<Integer> roles = new ArrayList<>(Collections.nCopies(128, Md1Superblock.SPARE));
        for (int slot = 0; slot < disks; slot++) {
            roles.set(slot, slot);
        }
        boolean atTheEnd = minor == Md1Minor.V1_0;
        long sector = minor.superblockSector(GEOMETRY);
        return new Md1Superblock(
                0,
                new MdUuid(Bytes.of(filled(16, 0x40)), MdUuid.Groups.BYTES),
                Bytes.of(Arrays.copyOf("host:a".getBytes(java.nio.charset.StandardCharsets.UTF_8), 32)),
                1_780_000_000L,
                5,
                2,
                DATA_SIZE - 2048,
                128,
                disks,
                0,
                new Md1Reshape(0, 0, 0, 0, 0, 0),
                new Md1Device(
                        atTheEnd ? 0 : DATA_OFFSET,
                        atTheEnd ? sector - 16 : DATA_SIZE,
                        sector,
                        0,
                        number,
                        0,
                        new MdUuid(Bytes.of(filled(16, number)), MdUuid.Groups.BYTES),
                        0,
                        0,
                        8,
                        atTheEnd ? -8 : 16),
                1_780_000_001L,
                events,
                Md1Superblock.IN_SYNC,
                0,
                roles);
    }

    private static byte[] filled(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    /** What is found on a disk whose superblock was changed, and summed up again. */
    static Finding changed(Md1Minor minor, Md1Superblock superblock, Consumer<byte[]> change) throws ReadFailed {
        byte[] block = Arrays.copyOf(superblock.encode(512), Md1Superblock.BLOCK_BYTES);
        change.accept(block);
        summedUp(block);
        MemoryDisk disk = new MemoryDisk(GEOMETRY);
        disk.write(Sectors.toBytes(minor.superblockSector(GEOMETRY)), block);
        return new Md1Format(minor).probe(GEOMETRY, disk);
    }

    static void summedUp(byte[] block) {
        long roles = LittleEndian.u32(block, Md1Superblock.ROLES_COUNT_AT);
        if (roles <= Md1Superblock.ROLES_MAX) {
            LittleEndian.putWord(
                    block,
                    Md1Superblock.SUM_AT,
                    Md1Superblock.sum(block, Md1Superblock.HEADER_BYTES + 2 * (int) roles));
        }
    }

    static Candidate candidate(int disk, Md1Superblock superblock) throws ReadFailed {
        return new Candidate(disk, GEOMETRY, Optional.empty(), changed(Md1Minor.V1_2, superblock, block -> {}));
    }

    static Md1Superblock with(Md1Superblock sb, int features, Md1Device device, List<Integer> roles, long resync) {
        return new Md1Superblock(
                features,
                sb.array(),
                sb.name(),
                sb.createdAt(),
                sb.level(),
                sb.layout(),
                sb.size(),
                sb.chunkSectors(),
                sb.raidDisks(),
                sb.bitmapOffset(),
                sb.reshape(),
                device,
                sb.updatedAt(),
                sb.events(),
                resync,
                sb.logicalBlockBytes(),
                roles);
    }

    static Md1Superblock withRole(Md1Superblock sb, int number, int role) {
        List<Integer> roles = new ArrayList<>(sb.roles());
        roles.set(number, role);
        return with(sb, sb.features(), sb.device(), roles, sb.resyncOffset());
    }
}

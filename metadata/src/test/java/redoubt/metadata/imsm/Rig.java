package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Bytes;
import redoubt.metadata.Candidate;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataEvent.Seeds;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;
import redoubt.metadata.WriteRound.Step;

/** Disks in memory, of which only the end exists, and a container on them whose image always is what the disks carry. */
final class Rig {

    static final ImsmFormat FORMAT = new ImsmFormat();
    static final Seeds SEEDS = new Seeds(0x1234ABCD, Optional.of(1_780_000_000L));

    /** The end of a disk; what lies before it reads as an error. */
    static final class MemoryDisk implements BlockReader {
        private final DiskGeometry geometry;
        private final byte[] tail;
        int reads;
        long bytesRead;

        MemoryDisk(DiskGeometry geometry) {
            this.geometry = geometry;
            this.tail = new byte[(int) Math.min(geometry.sizeBytes(), 128 * 1024)];
        }

        DiskGeometry geometry() {
            return geometry;
        }

        @Override
        public byte[] read(long offsetBytes, int lengthBytes) throws ReadFailed {
            if (offsetBytes % geometry.sectorBytes() != 0 || lengthBytes % geometry.sectorBytes() != 0) {
                throw new ReadFailed("not whole sectors: " + offsetBytes + "+" + lengthBytes);
            }
            reads++;
            bytesRead += lengthBytes;
            int from = at(offsetBytes);
            if (from < 0 || from + lengthBytes > tail.length) {
                throw new ReadFailed("outside what the test keeps: " + offsetBytes + "+" + lengthBytes);
            }
            return Arrays.copyOfRange(tail, from, from + lengthBytes);
        }

        void write(long offsetBytes, byte[] bytes) {
            System.arraycopy(bytes, 0, tail, at(offsetBytes), bytes.length);
        }

        private int at(long offsetBytes) {
            return (int) (offsetBytes - (geometry.sizeBytes() - tail.length));
        }

        Finding probe() throws ReadFailed {
            return FORMAT.probe(geometry, this);
        }

        /** The whole end of the disk, to compare. */
        Bytes content() {
            return Bytes.of(tail);
        }

        /** Writes a block in its own order to its places, with a right checksum. */
        void writeBlock(byte[] block, int size) {
            LittleEndian.putWord(block, ImsmHeader.CHECK_SUM_AT, ImsmChecksum.of(block, size));
            ImsmPlaces places = ImsmPlaces.of(geometry, block.length);
            int sector = geometry.sectorBytes();
            write(places.anchorAt(), Arrays.copyOf(block, sector));
            if (block.length > sector) {
                write(places.extensionAt(), Arrays.copyOfRange(block, sector, block.length));
            }
        }
    }

    final List<MemoryDisk> disks = new ArrayList<>();
    ContainerMetadata container;
    WriteRound lastRound;

    private Rig(int disks, long sectors, int sectorBytes) throws MetadataRefused {
        List<NewDisk> fresh = new ArrayList<>();
        for (int i = 0; i < disks; i++) {
            MemoryDisk disk = new MemoryDisk(new DiskGeometry(sectors * 512, sectorBytes));
            this.disks.add(disk);
            fresh.add(new NewDisk(i, disk.geometry(), serial(i), i));
        }
        this.container = FORMAT.create(fresh);
        write(Optional.empty());
    }

    static Rig spares(int disks, long sectors, int sectorBytes) throws MetadataRefused {
        return new Rig(disks, sectors, sectorBytes);
    }

    /** Two volumes on two disks; of the second one much stands in the extension. */
    static Rig twoMirrors() throws MetadataRefused {
        return twoVolumes(RaidLevel.RAID1, 2);
    }

    /** Two volumes, each over all disks. */
    static Rig twoVolumes(RaidLevel level, int members) throws MetadataRefused {
        Rig rig = spares(members, 196_608, 512);
        for (String name : List.of("one", "two")) {
            rig.add(new VolumePlan(
                    name,
                    level,
                    OptionalInt.of(65536),
                    OptionalLong.of(40_960),
                    IntStream.range(0, members).mapToObj(OptionalInt::of).toList(),
                    ConsistencyPolicy.NONE,
                    true));
        }
        return rig;
    }

    /** Members first, then so many spares; clean. */
    static Rig of(RaidLevel level, int members, int spares) throws MetadataRefused {
        return of(level, members, spares, 512);
    }

    static Rig of(RaidLevel level, int members, int spares, int sectorBytes) throws MetadataRefused {
        Rig rig = new Rig(members + spares, 196_608, sectorBytes);
        rig.add(plan("vol0", level, members, true));
        return rig;
    }

    static VolumePlan plan(String name, RaidLevel level, int members, boolean assumeClean) {
        return new VolumePlan(
                name,
                level,
                OptionalInt.of(65536),
                OptionalLong.empty(),
                IntStream.range(0, members).mapToObj(OptionalInt::of).toList(),
                ConsistencyPolicy.NONE,
                assumeClean);
    }

    static String serial(int disk) {
        return "DISK-" + (char) ('A' + disk);
    }

    Rig add(VolumePlan plan) throws MetadataRefused {
        ContainerMetadata before = container;
        container = FORMAT.addVolume(container, plan, SEEDS);
        return write(Optional.of(before));
    }

    Rig apply(MetadataEvent event) throws MetadataRefused {
        ContainerMetadata before = container;
        container = container.apply(event);
        return write(Optional.of(before));
    }

    private Rig write(Optional<ContainerMetadata> onDisk) throws MetadataRefused {
        lastRound = container.write(onDisk);
        for (WriteRound.MemberWrites member : lastRound.members()) {
            carryOut(disks.get(member.disk()), member.steps());
        }
        container = lastRound.image();
        return this;
    }

    static void carryOut(MemoryDisk disk, List<Step> steps) {
        for (Step step : steps) {
            if (step instanceof Step.Put put) {
                disk.write(put.offsetBytes(), put.bytes().toArray());
            }
        }
    }

    ImsmSuper mpb() {
        return ImsmContainer.of(container).mpb();
    }

    ImsmDev dev() {
        return mpb().devs().getFirst();
    }

    VolumePicture volume() {
        return container.picture().volumes().getFirst();
    }

    Candidate candidate(int disk, boolean withSerial) throws ReadFailed {
        return new Candidate(
                disk,
                disks.get(disk).geometry(),
                withSerial ? Optional.of(serial(disk)) : Optional.empty(),
                disks.get(disk).probe());
    }

    /** What the disks themselves say, read again. */
    List<ContainerChoice> reassembled() throws ReadFailed {
        List<Candidate> candidates = new ArrayList<>();
        for (int i = 0; i < disks.size(); i++) {
            candidates.add(candidate(i, true));
        }
        return FORMAT.choose(candidates);
    }
}

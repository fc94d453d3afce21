package redoubt.bench;

import java.util.List;

/** Something that a client does with a server for a while. */
sealed interface Workload {

    /** Short, for the command line. */
    String id();

    /** For the table. */
    String title();

    /** Whether it is judged by operations a second; else by bytes. */
    boolean countsOperations();

    /** fio's nbd engine: what users see. */
    record Fio(String id, String title, String pattern, int blockBytes, int connections, int depth)
            implements Workload {
        @Override
        public boolean countsOperations() {
            return blockBytes < 64 << 10;
        }
    }

    /** nbdcopy, again and again. */
    record Nbdcopy(String id, String title, boolean writes) implements Workload {
        @Override
        public boolean countsOperations() {
            return false;
        }
    }

    /** The lean client ({@link LeanConnection}): what the server can do. */
    record Lean(String id, String title, boolean writes, int blockBytes, int connections, int depth)
            implements Workload {
        @Override
        public boolean countsOperations() {
            return true;
        }
    }

    String RANDREAD_1 = "randread-1";
    String RANDREAD_32 = "randread-32";
    String RANDREAD_4X8 = "randread-4x8";
    String LEAN_RANDREAD_32 = "lean-randread-32";
    String RANDWRITE_1 = "randwrite-1";
    String RANDWRITE_32 = "randwrite-32";
    String LEAN_RANDWRITE_4X8 = "lean-randwrite-4x8";
    String READ_128K = "read-128k";
    String READ_1M = "read-1m";
    String WRITE_128K = "write-128k";
    String WRITE_1M = "write-1m";
    String COPY_READ = "copy-read";
    String COPY_WRITE = "copy-write";

    /** All of them. */
    static List<Workload> all() {
        return List.of(
                new Fio(RANDREAD_1, "4k random read, depth 1", "randread", 4096, 1, 1),
                new Fio(RANDREAD_32, "4k random read, depth 32", "randread", 4096, 1, 32),
                new Fio(RANDREAD_4X8, "4k random read, 4 connections of depth 8", "randread", 4096, 4, 8),
                new Lean(LEAN_RANDREAD_32, "4k random read, depth 32, lean client", false, 4096, 1, 32),
                new Fio(RANDWRITE_1, "4k random write, depth 1", "randwrite", 4096, 1, 1),
                new Fio(RANDWRITE_32, "4k random write, depth 32", "randwrite", 4096, 1, 32),
                new Lean(
                        LEAN_RANDWRITE_4X8, "4k random write, 4 connections of depth 8, lean client", true, 4096, 4, 8),
                new Fio(READ_128K, "128k sequential read, depth 8", "read", 128 << 10, 1, 8),
                new Fio(READ_1M, "1M sequential read, depth 4", "read", 1 << 20, 1, 4),
                new Fio(WRITE_128K, "128k sequential write, depth 8", "write", 128 << 10, 1, 8),
                new Fio(WRITE_1M, "1M sequential write, depth 4", "write", 1 << 20, 1, 4),
                new Nbdcopy(COPY_READ, "nbdcopy read", false),
                new Nbdcopy(COPY_WRITE, "nbdcopy write", true));
    }
}

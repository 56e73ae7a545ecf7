using System.Globalization;

namespace PgCluster.Adapters.Process;

/// <summary>System V shared memory that a killed program left behind.</summary>
public static class SharedMemory
{
    /// <summary>
    /// Removes a segment when it still is the one that <paramref name="creatorPid"/> made and nobody is attached to it any more. True when it was removed.
    /// </summary>
    /// <param name="id">Its identifier.</param>
    /// <param name="creatorPid">The process that made it.</param>
    public static bool RemoveAbandoned(int id, int creatorPid)
    {
        const string Table = "/proc/sysvipc/shm";
        if (!File.Exists(Table))
        {
            return false;
        }

        var lines = File.ReadAllLines(Table);
        var columns = Split(lines[0]);
        var (idColumn, creator, attached) = (Array.IndexOf(columns, "shmid"), Array.IndexOf(columns, "cpid"), Array.IndexOf(columns, "nattch"));
        return lines.Skip(1).Select(Split).Any(row =>
                row[idColumn] == id.ToString(CultureInfo.InvariantCulture)
                && row[creator] == creatorPid.ToString(CultureInfo.InvariantCulture)
                && row[attached] == "0")
            && Posix.RemoveSharedMemory(id);

        static string[] Split(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }
}

using System.Globalization;
using System.Net;

namespace PgCluster.Adapters.Process;

/// <summary>Which process has a socket open. Who made it (SO_PEERCRED) is no answer: a socket that was handed over keeps the name of its first owner.</summary>
internal static class SocketOwners
{
    private const string ListeningUnix = "01";

    /// <summary>Inode of the Unix socket that listens under a path, exactly as it was bound; null when there is none.</summary>
    internal static string? FindListening(string path) => FindListening(path, ReadLines("/proc/net/unix"));

    internal static string? FindListening(string path, IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            // Num, RefCount, Protocol, Flags, Type, St, Inode, and the path, which may have blanks in it. A socket that listens has the flag 00010000.
            var fields = line.Split(' ', 8, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 8 && fields[3] == "00010000" && fields[5] == ListeningUnix && fields[7] == path)
            {
                return fields[6];
            }
        }

        return null;
    }

    /// <summary>Inode of one end of a TCP connection of this machine; null when that end is elsewhere.</summary>
    internal static string? FindEnd(IPEndPoint here, IPEndPoint there) => FindEnd(here, there, ReadLines("/proc/net/tcp").Concat(ReadLines("/proc/net/tcp6")));

    internal static string? FindEnd(IPEndPoint here, IPEndPoint there, IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 9 && Parse(fields[1]) is { } local && Parse(fields[2]) is { } remote && IsSame(local, here) && IsSame(remote, there))
            {
                return fields[9];
            }
        }

        return null;
    }

    /// <summary>A process that has the socket of this inode open, as far as this one may look; 0 for none.</summary>
    internal static int Find(string inode) => ProcessStat.AllPids().FirstOrDefault(pid => Has(pid, inode));

    /// <summary>Whether a process has the socket of this inode open.</summary>
    internal static bool Has(int pid, string inode)
    {
        try
        {
            var wanted = $"socket:[{inode}]";
            return Directory.EnumerateFileSystemEntries(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd")).Any(entry => LinkOf(entry) == wanted);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string? LinkOf(string entry)
    {
        try
        {
            return new FileInfo(entry).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string[] ReadLines(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];

    private static bool IsSame(IPEndPoint one, IPEndPoint other) => one.Port == other.Port && Plain(one.Address).Equals(Plain(other.Address));

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : new IPAddress(address.GetAddressBytes());

    /// <summary>"0100007F:1AE1": words in the machine's order, a port in hexadecimal; null for a heading.</summary>
    private static IPEndPoint? Parse(string field)
    {
        var colon = field.IndexOf(':', StringComparison.Ordinal);
        if (colon is not (8 or 32) || !int.TryParse(field.AsSpan(colon + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var port))
        {
            return null;
        }

        var bytes = new byte[colon / 2];
        for (var i = 0; i < colon; i += 8)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(i / 2), uint.Parse(field.AsSpan(i, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }

        return new IPEndPoint(new IPAddress(bytes), port);
    }
}

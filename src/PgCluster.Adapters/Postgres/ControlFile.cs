using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;

namespace PgCluster.Adapters.Postgres;

/// <summary>What a server last wrote into global/pg_control.</summary>
/// <param name="State">How it was left.</param>
/// <param name="SystemIdentifier">Which database system this is.</param>
/// <param name="CheckpointLsn">Where the latest checkpoint record begins.</param>
/// <param name="Timeline">Timeline of that checkpoint.</param>
internal sealed record ControlFile(ControlState State, ulong SystemIdentifier, Lsn CheckpointLsn, int Timeline)
{
    // PG_CONTROL_VERSION of PostgreSQL 13-16, 17 and 18. In all of them the fields read here stand at the same place.
    private static readonly uint[] KnownLayouts = [1300, 1700, 1800];
    private static readonly TimeSpan ProgramTimeout = TimeSpan.FromSeconds(10);

    /// <summary>True when the server shut down in an orderly way, as a primary or as a standby.</summary>
    internal bool IsClean => State is ControlState.ShutDown or ControlState.ShutDownInRecovery;

    internal PostgresShutdown ToShutdown() => new(IsClean, CheckpointLsn, Timeline);

    /// <summary>
    /// Reads it directly, because a stop stands inside the clients' write gap and starting pg_controldata takes longer than the rest of it. A layout
    /// that is not known yet is left to that program.
    /// </summary>
    internal static async Task<ControlFile> ReadAsync(
        string dataDirectory, Func<string> findBinDirectory, TimeProvider time, CancellationToken cancellationToken)
    {
        var path = Path.Combine(dataDirectory, "global", "pg_control");
        byte[] bytes;
        try
        {
            bytes = await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PgClusterException(Reason.PostgresUnavailable, $"Cannot read '{path}': {e.Message}", e);
        }

        if (TryParse(bytes) is { } control)
        {
            return control;
        }

        var output = await ProgramRunner.RunCheckedAsync(
            new ProgramCommand(Path.Combine(findBinDirectory(), "pg_controldata"), ["-D", dataDirectory])
            {
                // Its labels are translated otherwise.
                Environment = new Dictionary<string, string?> { ["LC_ALL"] = "C" },
            },
            Reason.PostgresUnavailable, ProgramTimeout, time, cancellationToken).ConfigureAwait(false);
        return ParseText(output);
    }

    /// <summary>Null when the layout is unknown or the checksum does not fit: cut short, or read in the middle of a write.</summary>
    internal static ControlFile? TryParse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 512 || !KnownLayouts.Contains(MemoryMarshal.Read<uint>(bytes[8..])) || !HasValidChecksum(bytes))
        {
            return null;
        }

        return new ControlFile(
            (ControlState)MemoryMarshal.Read<int>(bytes[16..]),
            MemoryMarshal.Read<ulong>(bytes),
            new Lsn(MemoryMarshal.Read<ulong>(bytes[32..])),
            (int)MemoryMarshal.Read<uint>(bytes[48..]));
    }

    /// <summary>Reads what pg_controldata prints in the C locale.</summary>
    internal static ControlFile ParseText(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                fields[line[..colon]] = line[(colon + 1)..].Trim();
            }
        }

        string Field(string name) => fields.TryGetValue(name, out var value)
            ? value
            : throw new PgClusterException(Reason.PostgresUnavailable, $"pg_controldata says nothing of '{name}'.");

        return new ControlFile(
            Field("Database cluster state") switch
            {
                "starting up" => ControlState.Startup,
                "shut down" => ControlState.ShutDown,
                "shut down in recovery" => ControlState.ShutDownInRecovery,
                "shutting down" => ControlState.ShuttingDown,
                "in crash recovery" => ControlState.InCrashRecovery,
                "in archive recovery" => ControlState.InArchiveRecovery,
                "in production" => ControlState.InProduction,
                var other => throw new PgClusterException(Reason.PostgresUnavailable, $"pg_controldata says the state is '{other}'."),
            },
            ulong.Parse(Field("Database system identifier"), CultureInfo.InvariantCulture),
            Lsn.Parse(Field("Latest checkpoint location")),
            int.Parse(Field("Latest checkpoint's TimeLineID"), CultureInfo.InvariantCulture));
    }

    private static bool HasValidChecksum(ReadOnlySpan<byte> bytes)
    {
        // CRC-32C of everything before it. Where it stands depends on the version, so it is looked for behind the fields all of them have.
        var crc = uint.MaxValue;
        for (var at = 0; at <= 508; at += 4)
        {
            var word = MemoryMarshal.Read<uint>(bytes[at..]);
            if (at >= 128 && ~crc == word)
            {
                return true;
            }

            crc = BitOperations.Crc32C(crc, word);
        }

        return false;
    }
}

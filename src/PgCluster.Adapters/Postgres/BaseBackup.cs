using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// A new copy of the upstream that takes a data directory's place in one step, when it is complete. Until then it lies in a directory beside it, with a mark
/// inside by which a later try recognises and removes what an earlier one left.
/// </summary>
internal sealed class BaseBackup
{
    private const string MarkFile = "pgcluster.clone";
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _dataDirectory;
    private readonly UpstreamLink _link;
    private readonly RejoinTools _tools;
    private readonly OsAccount? _owner;
    private readonly TimeProvider _time;
    private readonly string _work;

    internal BaseBackup(string dataDirectory, UpstreamLink link, RejoinTools tools, OsAccount? owner, TimeProvider time)
    {
        _dataDirectory = DataDirectoryProcesses.RealPath(dataDirectory);
        _link = link;
        _tools = tools;
        _owner = owner;
        _time = time;
        _work = WorkOf(_dataDirectory);
    }

    /// <summary>Keeps the WAL between the backup and the first streaming.</summary>
    private string[] Slot => _link.Upstream.Slot is { Length: > 0 } slot ? ["--slot=" + slot] : [];

    private string Clone => Path.Combine(_work, "data");

    private string Old => Path.Combine(_work, "old");

    /// <summary>Copies the upstream beside the data directory, with the node's own configuration.</summary>
    /// <returns>The complete clone, still outside.</returns>
    internal async Task<string> CopyAsync(CancellationToken cancellationToken)
    {
        RefuseWhatCannotBeSwapped();
        await _tools.EndLeftoversAsync(cancellationToken).ConfigureAwait(false);
        if (!Directory.Exists(_dataDirectory) && Directory.Exists(Old))
        {
            Directory.Move(Old, _dataDirectory);
        }

        RemoveLeftovers();
        await RefuseTablespacesAsync(cancellationToken).ConfigureAwait(false);
        PrivateDirectory.Create(_work, _owner);
        try
        {
            var (source, environment) = _link.ReplicationArguments("pgcluster-clone");
            await _tools.RunAsync(
                "pg_basebackup", ["--pgdata=" + Clone, "--dbname=" + source, "--wal-method=stream", "--checkpoint=fast", "--no-password", .. Slot],
                environment, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // A disk that is full of half a clone helps nobody.
            RemoveLeftovers();
            throw;
        }

        var rewind = new RewindWork(_dataDirectory);
        if (rewind.Phase != RewindPhase.None)
        {
            // The data directory may have the configuration of another node by now.
            NodeFiles.Restore(rewind.OwnFiles, Clone, _owner);
        }
        else if (Directory.Exists(_dataDirectory) && NodeFiles.Find(_dataDirectory) is { Count: > 0 } own)
        {
            var saved = Path.Combine(_work, "own");
            NodeFiles.Copy(_dataDirectory, own, saved, _owner);
            NodeFiles.Restore(saved, Clone, _owner);
        }

        DurableFile.Write(Path.Combine(Clone, MarkFile), "", PrivateFile, _owner);
        return Clone;
    }

    /// <summary>Puts the clone in the data directory's place. Returns where the old one is kept; null when it is only kept until <see cref="Finish"/>.</summary>
    internal string? Swap(bool keepOld)
    {
        string? kept = null;
        if (!Directory.Exists(_dataDirectory))
        {
            Directory.Move(Clone, _dataDirectory);
        }
        else
        {
            var clone = Clone;
            if (keepOld)
            {
                // It gets the name that the old one will have: changing places is then the last thing that can go wrong.
                kept = NameForOld();
                Directory.Move(Clone, kept);
                clone = kept;
            }

            if (!Posix.ExchangeDirectories(clone, _dataDirectory))
            {
                // Not every file system can: the old one first goes where the next try would find it.
                Directory.Move(_dataDirectory, Old);
                Directory.Move(clone, _dataDirectory);
                if (kept is not null)
                {
                    Directory.Move(Old, kept);
                }
            }
        }

        Posix.SyncDirectory(Path.GetDirectoryName(_dataDirectory)!);
        new RewindWork(_dataDirectory).Remove();
        DurableFile.Delete(Path.Combine(_dataDirectory, MarkFile));
        return kept;
    }

    /// <summary>Removes the old data directory, unless it was kept, and whatever earlier tries left.</summary>
    internal void Finish() => RemoveLeftovers();

    internal static void RemoveLeftovers(string dataDirectory)
    {
        if (Directory.Exists(WorkOf(dataDirectory)))
        {
            Directory.Delete(WorkOf(dataDirectory), recursive: true);
        }

        foreach (var stale in Directory.GetDirectories(Path.GetDirectoryName(dataDirectory)!, Path.GetFileName(dataDirectory) + ".before-*")
            .Where(directory => File.Exists(Path.Combine(directory, MarkFile))))
        {
            Directory.Delete(stale, recursive: true);
        }
    }

    private void RemoveLeftovers() => RemoveLeftovers(_dataDirectory);

    private static string WorkOf(string dataDirectory) => dataDirectory + ".pgcluster-clone";

    private string NameForOld()
    {
        var name = $"{_dataDirectory}.before-{_time.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}";
        var free = name;
        for (var i = 2; Directory.Exists(free); i++)
        {
            free = string.Create(CultureInfo.InvariantCulture, $"{name}-{i}");
        }

        return free;
    }

    private void RefuseWhatCannotBeSwapped()
    {
        if (MountPoints.Contains(_dataDirectory))
        {
            throw Refused(
                $"its data directory '{_dataDirectory}' is a mount point, and a clone takes its place by a rename; move the data one directory below the mount point, or clone it by hand");
        }

        if (new FileInfo(Path.Combine(_dataDirectory, "pg_wal")).LinkTarget is { } wal)
        {
            throw Refused($"its pg_wal is a link to '{wal}', and a clone would bring the WAL back to the data's disk; clone it by hand with pg_basebackup --waldir");
        }
    }

    private async Task RefuseTablespacesAsync(CancellationToken cancellationToken)
    {
        const string Tablespaces = "SELECT string_agg(spcname, ', ' ORDER BY spcname) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')";
        var connection = await _link.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            if (await PostgresConnection.ScalarAsync(connection, Tablespaces, cancellationToken).ConfigureAwait(false) is { } names)
            {
                throw Refused($"{_link.Upstream.Name} has tablespaces ({names}), whose directories lie outside of the data directory and cannot be swapped with it; clone it by hand with pg_basebackup --tablespace-mapping");
            }
        }
    }

    private PgClusterException Refused(string why) =>
        new(Reason.PreflightFailed, $"The node cannot be cloned from {_link.Upstream.Name}: {why}.");
}

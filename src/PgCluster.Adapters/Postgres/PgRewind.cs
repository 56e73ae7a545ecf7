using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// pg_rewind, made safe to repeat. It removes and overwrites the very WAL that it would need for a second try, so that is copied first; and a second try on
/// a directory it had finished would take that for a crashed primary. Both are put back before it runs again.
/// </summary>
internal sealed class PgRewind
{
    private readonly string _dataDirectory;
    private readonly string _binDirectory;
    private readonly string[] _configFile;
    private readonly string[] _serverConfigFile;
    private readonly UpstreamLink _link;
    private readonly RejoinTools _tools;
    private readonly RewindWork _work;
    private readonly OsAccount? _owner;
    private readonly TimeProvider _time;

    internal PgRewind(
        string dataDirectory, string binDirectory, string configFile, UpstreamLink link, RejoinTools tools, OsAccount? owner, TimeProvider time)
    {
        _dataDirectory = dataDirectory;
        _binDirectory = binDirectory;
        _configFile = configFile.Length > 0 ? ["--config-file=" + configFile] : [];
        _serverConfigFile = configFile.Length > 0 ? ["-c", "config_file=" + configFile] : [];
        _link = link;
        _tools = tools;
        _owner = owner;
        _time = time;
        _work = new RewindWork(dataDirectory);
    }

    private string SourceFile => Path.Combine(_work.Root, "source");

    private string ControlPath => Path.Combine(_dataDirectory, "global", "pg_control");

    private string SavedControl => Path.Combine(_work.Wal, "pg_control");

    /// <summary>Rewinds. Afterwards the directory has the node's own files, and no signal file; <see cref="RewindWork"/> still stands.</summary>
    /// <returns>False when there was nothing to take back.</returns>
    internal async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        await _tools.EndLeftoversAsync(cancellationToken).ConfigureAwait(false);

        // Up to 15 a source whose first checkpoint after its promotion is not done yet still says the old timeline: pg_rewind would find nothing to do.
        var connection = await _link.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            if (await PostgresConnection.ScalarAsync(connection, "SELECT pg_is_in_recovery()", cancellationToken).ConfigureAwait(false) == "True")
            {
                throw new PgClusterException(Reason.PostgresUnavailable, $"{_link.Upstream.Name} is a standby: a rewind needs a primary as its source.");
            }

            await PostgresConnection.ScalarAsync(connection, "CHECKPOINT", cancellationToken).ConfigureAwait(false);
        }

        if (_work.Phase is RewindPhase.Rewinding or RewindPhase.Rewound)
        {
            await RefuseAnotherSourceAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_work.Phase == RewindPhase.None)
        {
            _work.Create(_owner);
            NodeFiles.Copy(_dataDirectory, NodeFiles.Find(_dataDirectory), _work.OwnFiles, _owner);
            _work.Enter(RewindPhase.Recovering, _owner);
        }

        if (_work.Phase == RewindPhase.Recovering)
        {
            await ShutDownCleanAsync(cancellationToken).ConfigureAwait(false);
            await SaveAsync(cancellationToken).ConfigureAwait(false);
            _work.Enter(RewindPhase.Rewinding, _owner);
        }
        else if (_work.Phase == RewindPhase.Rewinding)
        {
            RestoreWal();
        }

        if (_work.Phase == RewindPhase.Rewinding)
        {
            await RewindAsync(cancellationToken).ConfigureAwait(false);
            _work.Enter(RewindPhase.Rewound, _owner);
        }

        NodeFiles.Restore(_work.OwnFiles, _dataDirectory, _owner);
        var changed = !File.Exists(SavedControl) || !File.ReadAllBytes(ControlPath).AsSpan().SequenceEqual(File.ReadAllBytes(SavedControl));
        if (!changed)
        {
            await CutReceivedAsync(cancellationToken).ConfigureAwait(false);
        }

        return changed;
    }

    /// <summary>Takes the rewind's own directory away; what was discarded stays under another name when asked for.</summary>
    internal string? Finish(bool keepCopy)
    {
        string? kept = null;
        if (keepCopy && Directory.Exists(_work.Wal))
        {
            var name = $"{DataDirectoryProcesses.RealPath(_dataDirectory)}.diverged-{_time.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}";
            kept = name;
            for (var i = 2; Directory.Exists(kept); i++)
            {
                kept = string.Create(CultureInfo.InvariantCulture, $"{name}-{i}");
            }

            Directory.Move(_work.Wal, kept);
        }

        _work.Remove();
        return kept;
    }

    private async Task ShutDownCleanAsync(CancellationToken cancellationToken)
    {
        var control = await ControlFile.ReadAsync(_dataDirectory, () => _binDirectory, _time, cancellationToken).ConfigureAwait(false);
        if (control.IsClean)
        {
            return;
        }

        // pg_rewind would do the same, but not for a crashed standby: a stand-alone server refuses to be one. Its WAL goes beyond the fork, and
        // all of that is taken back right after.
        DurableFile.Delete(Path.Combine(_dataDirectory, "standby.signal"));
        DurableFile.Delete(Path.Combine(_dataDirectory, "recovery.signal"));
        await _tools.RunAsync(
            "postgres", ["--single", .. _serverConfigFile, "-D", _dataDirectory, "template1"], new Dictionary<string, string?>(), cancellationToken).ConfigureAwait(false);
    }

    private async Task SaveAsync(CancellationToken cancellationToken)
    {
        var control = await ControlData.ReadAsync(_dataDirectory, _binDirectory, _owner, _time, cancellationToken).ConfigureAwait(false);
        var upstream = await _link.ReadAsync(cancellationToken).ConfigureAwait(false);
        var own = OwnWal.Read(_dataDirectory, control);
        var fork = own.History.ForkFrom(upstream.History)?.Lsn ?? Lsn.Zero;
        if (Directory.Exists(_work.Wal))
        {
            Directory.Delete(_work.Wal, recursive: true);
        }

        PrivateDirectory.Create(_work.Wal, _owner);
        foreach (var segment in own.SegmentsSinceCheckpointBefore(fork))
        {
            cancellationToken.ThrowIfCancellationRequested();
            PrivateDirectory.CopyFile(segment, Path.Combine(_work.Wal, Path.GetFileName(segment)), _owner);
        }

        PrivateDirectory.CopyFile(ControlPath, SavedControl, _owner);
        DurableFile.Write(SourceFile, Line(upstream.History), UnixFileMode.UserRead | UnixFileMode.UserWrite, _owner);
    }

    /// <summary>What an earlier try copied is of no use where the timeline it came from was given up: a clone is.</summary>
    private async Task RefuseAnotherSourceAsync(CancellationToken cancellationToken)
    {
        var saved = await File.ReadAllTextAsync(SourceFile, cancellationToken).ConfigureAwait(false);
        var upstream = await _link.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (!Line(upstream.History).StartsWith(saved, StringComparison.Ordinal))
        {
            throw new PgClusterException(
                Reason.PostgresUnavailable,
                $"A rewind of '{_dataDirectory}' was cut short, and {_link.Upstream.Name} does not continue the timeline it was to follow then: it has to be cloned.");
        }
    }

    /// <summary>A line of timelines as text; that of a descendant begins with it.</summary>
    private static string Line(TimelineHistory history) =>
        string.Concat(history.Switches.Select(ended => Text($"{ended.Timeline}<{ended.Lsn}>"))) + Text($"{history.Timeline}<");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void RestoreWal()
    {
        foreach (var saved in Directory.EnumerateFiles(_work.Wal).Where(path => path != SavedControl))
        {
            PrivateDirectory.CopyFile(saved, Path.Combine(_dataDirectory, "pg_wal", Path.GetFileName(saved)), _owner);
        }

        // Written by an earlier try, it would send recovery to where the source was then.
        File.Delete(Path.Combine(_dataDirectory, "backup_label"));
        PrivateDirectory.CopyFile(SavedControl, ControlPath, _owner);

        // The data directory's own configuration decides what pg_rewind runs with.
        NodeFiles.Restore(_work.OwnFiles, _dataDirectory, _owner);
    }

    private async Task RewindAsync(CancellationToken cancellationToken)
    {
        var (source, environment) = _link.SuperuserArguments("pgcluster-rewind");

        // It learned to look for the configuration elsewhere in version 15.
        var canAsk = _configFile.Length == 0 || PostgresBinaries.ReadMajor(_dataDirectory) >= 15;
        string[] archive = canAsk && await HasRestoreCommandAsync(cancellationToken).ConfigureAwait(false) ? ["--restore-target-wal", .. _configFile] : [];
        await _tools.RunAsync(
            "pg_rewind",
            ["--target-pgdata=" + _dataDirectory, "--source-server=" + source, "--no-ensure-shutdown", .. archive],
            environment, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> HasRestoreCommandAsync(CancellationToken cancellationToken)
    {
        var value = await _tools.RunAsync(
            "postgres", ["-D", _dataDirectory, .. _serverConfigFile, "-C", "restore_command"], new Dictionary<string, string?>(), cancellationToken).ConfigureAwait(false);
        return value.Trim().Length > 0;
    }

    /// <summary>pg_rewind counts only what a standby has replayed; what it merely received stands in the way as well.</summary>
    private async Task CutReceivedAsync(CancellationToken cancellationToken)
    {
        var control = await ControlData.ReadAsync(_dataDirectory, _binDirectory, _owner, _time, cancellationToken).ConfigureAwait(false);
        var own = OwnWal.Read(_dataDirectory, control);
        var upstream = await _link.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (own.History.ForkFrom(upstream.History) is { Lsn: { } fork } && own.End > fork)
        {
            own.CutAt(fork);
        }
    }
}

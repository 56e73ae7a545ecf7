using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Adapters.Postgres;

/// <content>What a node needs to come back as a standby, and to be taken off its upstream.</content>
public sealed partial class LocalPostgresServer
{
    /// <summary>primary_conninfo of a standby while it is sealed.</summary>
    internal const string SealedConnectionFile = "pgcluster.primary_conninfo";

    private static readonly TimeSpan StreamingPoll = TimeSpan.FromMilliseconds(20);

    /// <inheritdoc/>
    public async Task<SealedStandby> SealAsync(TimeSpan replayBudget, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        var postmaster = FindPostmaster() ?? throw Unavailable("cannot be sealed: it does not run");
        try
        {
            var connection = await _sql.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                var look = await StandbyLook.TakeAsync(connection, cancellationToken).ConfigureAwait(false);
                if (look.StartupPid == 0)
                {
                    throw Unavailable("cannot be sealed: it is no standby");
                }

                var autoConf = InData(PostgresAutoConf.FileName);
                await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    await EditAutoConfAsync(autoConf, conf => Seal(conf, look), cancellationToken, sync: false).ConfigureAwait(false);
                }
                finally
                {
                    _gate.Release();
                }

                // Meanwhile, but before anybody is told: after a power cut it must not come back as a standby of the old upstream.
                var synced = Task.Run(() => DurableFile.Sync(autoConf), CancellationToken.None);
                postmaster.Signal(UnixSignal.Hangup);
                var standby = await StandbySeal.WaitAsync(connection, look, replayBudget, _time, cancellationToken).ConfigureAwait(false)
                    ?? throw Unavailable("could not be sealed: it stopped being a standby");
                await synced.ConfigureAwait(false);
                PostgresLog.Sealed(
                    _logger, _options.NodeName, standby.Timeline, standby.ReceivedLsn.ToString(), standby.ReplayedLsn.ToString(), ElapsedMs(began));
                return standby;
            }
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
        {
            throw Unavailable("could not be sealed", e);
        }
    }

    /// <inheritdoc/>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        if (FindPostmaster() is not null)
        {
            // Not for the remains of one that died by itself: until its poolers are paused they are not to be refused.
            LetGoOfListeners();
        }

        await DataDirectoryProcesses.KillAllAsync(_options.DataDirectory, _time, cancellationToken).ConfigureAwait(false);
        if (_child is { } child)
        {
            await child.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        _sql.Forget();
    }

    /// <inheritdoc/>
    public Task EnsureSlotsAsync(IReadOnlyCollection<string> nodes, CancellationToken cancellationToken) =>
        WithSlotsAsync(slots => slots.EnsureAsync(nodes, cancellationToken));

    /// <inheritdoc/>
    public Task AdvanceSlotsAsync(IReadOnlyList<ReplicationSlot> primarySlots, CancellationToken cancellationToken) =>
        WithSlotsAsync(slots => slots.AdvanceAsync(primarySlots, cancellationToken));

    /// <inheritdoc/>
    public async Task<RejoinSituation> InspectAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upstream);

        // In this order: what streams on meanwhile is not taken for ahead of its upstream.
        var node = await InspectNodeAsync(cancellationToken).ConfigureAwait(false);
        var link = await LinkAsync(upstream, cancellationToken).ConfigureAwait(false);
        return new RejoinSituation(node, await ReachAsync(upstream, () => link.ReadAsync(cancellationToken)).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public async Task<long> GetCopySizeAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upstream);
        var link = await LinkAsync(upstream, cancellationToken).ConfigureAwait(false);
        return await ReachAsync(upstream, () => link.ReadSizeAsync(cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<RejoinResult> RewindAsync(UpstreamAddress upstream, bool keepCopy, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upstream);
        var began = _time.GetTimestamp();
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await RefuseRunning_NeedsGateAsync("rewound", cancellationToken).ConfigureAwait(false);
            var link = await LinkAsync(upstream, cancellationToken).ConfigureAwait(false);
            var rewind = new PgRewind(
                _options.DataDirectory, FindBinDirectory(), FindConfigFile(), link, Tools(), Owner, _time);
            var changed = await ReachAsync(upstream, () => rewind.RunAsync(cancellationToken)).ConfigureAwait(false);
            await EditAutoConf_NeedsGateAsync(conf => SetUpstream(conf, upstream), cancellationToken).ConfigureAwait(false);
            DurableFile.Delete(InData(SealedConnectionFile));
            DurableFile.Write(InData(StandbySignal), "", PrivateFile, Owner);
            var kept = rewind.Finish(keepCopy);
            PostgresLog.Rewound(_logger, _options.NodeName, upstream.Name, changed, kept ?? "", ElapsedMs(began));
            return new RejoinResult(changed, kept);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<RejoinResult> CloneAsync(UpstreamAddress upstream, bool keepOld, Func<CancellationToken, Task>? start, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upstream);
        var began = _time.GetTimestamp();
        BaseBackup backup;
        string? kept;
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await RefuseRunning_NeedsGateAsync("cloned", cancellationToken).ConfigureAwait(false);
            var link = await LinkAsync(upstream, cancellationToken).ConfigureAwait(false);
            backup = new BaseBackup(_options.DataDirectory, link, Tools(), Owner, _time);

            // A node that has no configuration of its own gets the upstream's, which says where the upstream listens.
            var hasOwn = FindConfigFile().Length > 0 || (Directory.Exists(_options.DataDirectory) && NodeFiles.Find(_options.DataDirectory).Count > 0);
            var listens = hasOwn ? null : await ReachAsync(upstream, () => link.ReadListenAddressesAsync(cancellationToken)).ConfigureAwait(false);
            var clone = await ReachAsync(upstream, () => backup.CopyAsync(cancellationToken)).ConfigureAwait(false);
            await EditAutoConfAsync(
                Path.Combine(clone, PostgresAutoConf.FileName),
                conf => SetUpstream(conf, upstream) | (listens is not null && SetOwnAddress(conf, listens, upstream)), cancellationToken).ConfigureAwait(false);
            DurableFile.Delete(Path.Combine(clone, SealedConnectionFile));
            DurableFile.Write(Path.Combine(clone, StandbySignal), "", PrivateFile, Owner);
            kept = backup.Swap(keepOld);
        }
        finally
        {
            _gate.Release();
        }

        await (start ?? StartAsync)(cancellationToken).ConfigureAwait(false);
        while ((await ProbeAsync(cancellationToken).ConfigureAwait(false)).State != NodeState.Running)
        {
            await Task.Delay(StreamingPoll, _time, cancellationToken).ConfigureAwait(false);
        }

        backup.Finish();
        PostgresLog.Cloned(_logger, _options.NodeName, upstream.Name, kept ?? "", ElapsedMs(began));
        return new RejoinResult(true, kept);
    }

    /// <inheritdoc/>
    public async Task CleanUpAfterRejoinAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (FindPostmaster() is null)
            {
                throw Unavailable("does not run: what a clone left behind may still be needed");
            }

            await Tools().EndLeftoversAsync(cancellationToken).ConfigureAwait(false);
            BaseBackup.RemoveLeftovers(DataDirectoryProcesses.RealPath(_options.DataDirectory));
            New().RemoveLeftovers();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Empties primary_conninfo, but keeps what stood there: only an operator knows its sslmode and the like.</summary>
    private bool Seal(PostgresAutoConf conf, StandbyLook look)
    {
        var text = conf.Get("primary_conninfo") ?? look.ConnectionInfo;
        if (text.Length > 0)
        {
            // Written first: after a crash in between, what stands in the configuration counts.
            DurableFile.Replace(InData(SealedConnectionFile), text, PrivateFile, Owner, flush: true);
        }

        return conf.Set("primary_conninfo", "");
    }

    private bool SetUpstream(PostgresAutoConf conf, UpstreamAddress upstream, string? inForce = null) => _options.UpstreamElsewhere
        ? conf.Remove("primary_conninfo") | conf.Remove("recovery_target_timeline") | conf.Remove("primary_slot_name")
        : conf.Set("primary_conninfo", BuildConnectionInfo(ExistingConnectionInfo(conf) ?? inForce, upstream))
        | conf.Set("recovery_target_timeline", "latest")
        | (upstream.Slot is { } slot && (slot.Length > 0 || conf.Get("primary_slot_name") is not null) && conf.Set("primary_slot_name", slot));

    private bool SetOwnAddress(PostgresAutoConf conf, string listens, UpstreamAddress upstream) =>
        conf.Set("port", _options.Port.ToString(CultureInfo.InvariantCulture))
        | (ListenAddresses.ForCopy(listens, upstream.Host, _options.Host) is { } addresses && conf.Set("listen_addresses", addresses));

    private string? ExistingConnectionInfo(PostgresAutoConf conf) =>
        conf.Get("primary_conninfo") is { Length: > 0 } text ? text
        : File.Exists(InData(SealedConnectionFile)) ? File.ReadAllText(InData(SealedConnectionFile))
        : null;

    private async Task<PostgresAutoConf> ReadAutoConfAsync(CancellationToken cancellationToken)
    {
        var path = InData(PostgresAutoConf.FileName);
        return PostgresAutoConf.Parse(File.Exists(path) ? await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false) : "");
    }

    /// <summary>primary_conninfo of a standby whose operator wrote it elsewhere than ALTER SYSTEM does; null when it stands there, or the server does not answer.</summary>
    private async Task<string?> ConnectionInForceAsync(CancellationToken cancellationToken)
    {
        if (FindPostmaster() is null || ExistingConnectionInfo(await ReadAutoConfAsync(cancellationToken).ConfigureAwait(false)) is not null)
        {
            return null;
        }

        try
        {
            return await _sql.ScalarAsync("SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'", _options.ConnectTimeout, cancellationToken).ConfigureAwait(false) is { Length: > 0 } text ? text : null;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            // It may be starting: what leads to the upstream is known without it, but for what only its operator knows.
            return null;
        }
    }

    private async Task<RejoinNode> InspectNodeAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(Path.Combine(_options.DataDirectory, "global", "pg_control")))
        {
            return new RejoinNode { HasData = false };
        }

        var control = await ControlData.ReadAsync(_options.DataDirectory, FindBinDirectory(), Owner, _time, cancellationToken).ConfigureAwait(false);
        var status = await ProbeAsync(cancellationToken).ConfigureAwait(false);
        var node = new RejoinNode
        {
            SystemIdentifier = control.Control.SystemIdentifier.ToString(CultureInfo.InvariantCulture),
            Running = status.PostmasterPid != 0,
            Role = status.Role,
            CleanShutdown = control.Control.IsClean,
            Checkpoint = control.Control.CheckpointLsn,
            CanBeRewound = control.CanBeRewound,
            HalfRewound = new RewindWork(_options.DataDirectory).Phase != RewindPhase.None,
        };
        if (status is { State: NodeState.Running or NodeState.NotStreaming, Timeline: > 0 })
        {
            return node with { History = OwnWal.ReadHistory(InData("pg_wal"), status.Timeline), WalEnd = status.Lsn };
        }

        var wal = OwnWal.Read(_options.DataDirectory, control);
        return node with { History = wal.History, WalEnd = wal.End };
    }

    private async Task RefuseRunning_NeedsGateAsync(string what, CancellationToken cancellationToken)
    {
        if (FindPostmaster() is { } postmaster)
        {
            throw Unavailable(string.Create(
                CultureInfo.InvariantCulture, $"runs (postmaster {postmaster.Pid}), so it cannot be {what}: stop it first"));
        }

        await ClearLeftoversAsync(cancellationToken).ConfigureAwait(false);
        _child = null;
        _sql.Forget();
    }

    private async Task<UpstreamLink> LinkAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        // A rewind that was cut short may have left another node's configuration in the data directory.
        var work = new RewindWork(_options.DataDirectory);
        var path = Path.Combine(work.Phase == RewindPhase.None ? _options.DataDirectory : work.OwnFiles, PostgresAutoConf.FileName);
        var conf = PostgresAutoConf.Parse(File.Exists(path) ? await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false) : "");
        return new UpstreamLink(_options, upstream, BuildConnectionInfo(ExistingConnectionInfo(conf), upstream));
    }

    private RejoinTools Tools() => new(_options.NodeName, _options.DataDirectory, FindBinDirectory(), Owner, _time);

    private async Task<T> ReachAsync<T>(UpstreamAddress upstream, Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Unavailable($"gets no answer from {upstream.Name}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable($"cannot be brought back behind {upstream.Name}", e);
        }
    }

    private async Task WithSlotsAsync(Func<ReplicationSlots, Task> work)
    {
        try
        {
            await work(new ReplicationSlots((sql, token) => _sql.ScalarAsync(sql, _options.ConnectTimeout, token))).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Unavailable("could not set up its replication slots", e);
        }
    }
}

using System.Globalization;

namespace PgCluster.Engine.Pooling;

/// <summary>Looks at one pooler and says what it is doing, as a row; a pooler that does not answer is a row too.</summary>
public sealed class PoolerProbe
{
    private readonly PoolerIdentity _identity;
    private readonly IPoolerConsole _console;
    private readonly PauseKeeper _keeper;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;

    /// <summary>Makes a probe.</summary>
    /// <param name="identity">What is configured of the pooler.</param>
    /// <param name="console">Its console.</param>
    /// <param name="keeper">Who keeps its pauses.</param>
    /// <param name="timeout">How long the console may take.</param>
    /// <param name="timeProvider">Clock of the timeout.</param>
    public PoolerProbe(PoolerIdentity identity, IPoolerConsole console, PauseKeeper keeper, TimeSpan timeout, TimeProvider timeProvider)
    {
        _identity = identity;
        _console = console;
        _keeper = keeper;
        _timeout = timeout;
        _time = timeProvider;
    }

    /// <summary>Asks the console. Only the token's end is an exception.</summary>
    public async Task<PoolerInfo> ProbeAsync(CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(_timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, budget.Token);
        try
        {
            var databases = await _console.ShowDatabasesAsync(either.Token).ConfigureAwait(false);
            var counts = await _console.GetCountsAsync(either.Token).ConfigureAwait(false);
            return Describe(_identity, databases, counts, _keeper.Status);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Silent(_identity, $"its console did not answer within {_timeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)} s", _keeper.Status);
        }
        catch (PgClusterException exception)
        {
            return Silent(_identity, exception.Message, _keeper.Status);
        }
    }

    /// <summary>The row of a pooler that answered.</summary>
    internal static PoolerInfo Describe(
        PoolerIdentity identity, IReadOnlyList<PoolerDatabase> databases, PoolerCounts counts, PauseStatus pause)
    {
        var served = databases.Where(database => !database.IsConsole).ToList();
        var paused = served.Count(database => database.Paused);

        // A pause that somebody else made counts: what matters to a client is that it waits.
        var state = pause.State != PoolerState.Active ? pause.State : paused > 0 ? PoolerState.Paused : PoolerState.Active;
        var evidence = string.Create(CultureInfo.InvariantCulture, $"{paused} of {served.Count} databases paused");
        if (pause.ResumeError is not null)
        {
            evidence += $"; resume is being tried again: {pause.ResumeError}";
        }

        return Row(identity, state, pause.Lease, evidence) with
        {
            PointsTo = Join(served.Select(Target)),
            Databases = [.. served.Select(database => database.Name)],
            PoolMode = Join(served.Count == 0 ? [counts.DefaultPoolMode] : served.Select(database => database.PoolMode ?? counts.DefaultPoolMode)),
            Clients = counts.ClientsActive + counts.ClientsWaiting,
            ClientsWaiting = counts.ClientsWaiting,
            LastPause = pause.Last,
            Settings = counts.Settings,
            Version = counts.Version.Length > 0 ? counts.Version : null,
        };
    }

    private static PoolerInfo Silent(PoolerIdentity identity, string evidence, PauseStatus pause) =>
        Row(identity, PoolerState.Unreachable, pause.Lease, evidence);

    private static PoolerInfo Row(PoolerIdentity identity, PoolerState state, PauseLease? lease, string evidence) => new()
    {
        Cluster = identity.Cluster,
        Name = identity.Name,
        Host = identity.Host,
        Port = identity.Port,
        Node = identity.Node,
        Keeper = identity.Keeper,
        State = state,
        Lease = lease,
        Evidence = evidence,
    };

    private static string Target(PoolerDatabase database)
    {
        var host = database.Host ?? "socket";
        return new Topology.PrimaryAddress(host, database.Port).ToHostAndPort();
    }

    private static string? Join(IEnumerable<string> values)
    {
        var joined = string.Join(",", values.Where(value => value.Length > 0).Distinct(StringComparer.Ordinal));
        return joined.Length > 0 ? joined : null;
    }
}

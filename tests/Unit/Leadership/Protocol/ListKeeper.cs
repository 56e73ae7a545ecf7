using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>The leader's keeper of the list of synchronous standbys: <see cref="SynchronousPolicyRule"/> decides, this carries it out as the product's does.</summary>
internal sealed class ListKeeper(ProtocolSetup setup, ClusterConfig config)
{
    /// <summary>True when a leader that speaks now changes anything.</summary>
    public bool HasSomethingToSay(ProtocolState s, ProtocolNode n, PostgresStatus server, int look)
    {
        var own = n.Clone();
        var step = Next(s, own, server, look);

        // What it sees of the server now it may judge only later.
        var mayHold = setup.FineSteps && n.NamesBefore is not null && s.Store.Policy?.Previous is not null;
        return mayHold || !step.IsNothing || s.Store.Last is not { } last || last.Lsn != server.Lsn || last.Unguarded == n.Enforced || n.SynchronousSeen != Synchronous(server)
            || (s.Store.Policy?.Previous is not null && (n.SeenNames, n.SeenTimeline, n.IsAlone, n.AloneSince) != (own.SeenNames, own.SeenTimeline, own.IsAlone, own.AloneSince));
    }

    /// <summary>One look of a leader at its list, and what it says in the store. What is to be enforced then is left to <see cref="Enforce"/>.</summary>
    public void Speak(ProtocolState s, ProtocolNode n, PostgresStatus server, int look, Seat seat)
    {
        n.SynchronousSeen = Synchronous(server);
        var step = Next(s, n, server, look);
        if (n is { Enforced: true, Guarded: false } || (!n.Enforced && !setup.Rules.SaysSoBeforeItDisarms))
        {
            seat.Arm(n, n.RenewedAt);
            n.GuardAt = n.Enforced ? n.GuardAt : 0;
        }

        var store = s.Store;
        if (n.Cut || store.LeaderRevision != n.WrittenAt)
        {
            // Refused, or never heard: at least the guard is armed.
            n.Guarded |= n.Enforced;
            return;
        }

        store.Last = store.Last! with { Lsn = server.Lsn, Timeline = server.Timeline, Unguarded = !n.Enforced };
        store.LastRevision = ++store.Revision;
        if (step.Record is { } record)
        {
            (store.Policy, store.PolicyRevision) = (setup.Rules.PoliciesAreJoined ? record : record with { Previous = null }, store.Revision);
        }

        if (!n.Enforced)
        {
            n.GuardAt = 0;
        }

        n.Guarded = n.Enforced;
        if (step.Enforce is { } list)
        {
            (n.ToEnforce, n.Doing) = (list.Text, AgentActivity.Enforcing);
        }
    }

    /// <summary>PostgreSQL is told.</summary>
    public static void Enforce(ProtocolNode n)
    {
        if (n.IsWritable)
        {
            Servers.SetNames(n, n.ToEnforce!);
            n.Written = n.ToEnforce;
        }

        (n.ToEnforce, n.Doing) = (null, AgentActivity.Nothing);
    }

    /// <summary>Gives a standby that is going to lead the list it begins with, and says which policies hold from then on.</summary>
    public SynchronousPolicyRecord Prepare(ProtocolNode n, StoreBallot ballot, int timeline, Func<string, bool> isThere)
    {
        var present = SynchronousList.Parse(n.Names);
        var own = SynchronousKeeper.First(present, config, config.Nodes[n.Index], isThere, static _ => false, static _ => true, ballot.Last?.Node);
        if (!own.IsSameAs(present))
        {
            Servers.SetNames(n, own.Text);
            n.Written = own.Text;
        }

        var policy = own.Of(n.Name, timeline);
        return setup.Rules.PoliciesAreJoined ? policy.Before(ballot.Policy ?? SynchronousPolicyRecord.Parse(ballot.Last?.Node ?? "", 0, "")) : policy;
    }

    private static int Synchronous(PostgresStatus server) => server.Standbys.Count(p => p.SyncState is SyncState.Sync or SyncState.Quorum);

    private SynchronousStep Next(ProtocolState s, ProtocolNode n, PostgresStatus server, int look)
    {
        if (n.SeenNames != server.SynchronousStandbyNames || n.SeenTimeline != server.Timeline)
        {
            (n.SeenNames, n.SeenTimeline, n.IsAlone, n.AloneSince) = (server.SynchronousStandbyNames, server.Timeline, false, setup.Rules.WaitsUntilAlone ? null : server.Lsn);
        }
        else if (n.AloneSince is null)
        {
            // The time that the keeper waits for is enough for every WAL sender to have read the list.
            var isAlone = n.NamesBefore is null;
            n.AloneSince = n.IsAlone || (isAlone && !setup.Rules.AsksOnceAlone) ? server.Lsn : null;
            n.IsAlone = isAlone;
        }

        return SynchronousPolicyRule.Next(new SynchronousSituation(
            config.Synchronous, n.Name, "", server, s.Store.Policy, n.AloneSince, n.Written == server.SynchronousStandbyNames,
            [.. s.Nodes.Where(m => m != n).Select(m => Judge(m, server, look))]));
    }

    private static SynchronousStandby Judge(ProtocolNode m, PostgresStatus server, int look)
    {
        var isHere = server.Standbys.Any(p => p.Name == m.Name);
        var away = (look & Move.AwayForLong) != 0 ? TimeSpan.MaxValue : TimeSpan.Zero;
        return new SynchronousStandby(m.Name, "", 0, true, isHere ? TimeSpan.MaxValue : null, isHere ? null : away, TimeSpan.FromSeconds(2));
    }
}

using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Roles;

namespace PgCluster.Engine.Synchronous;

/// <summary>
/// Which standbys the leader's commits wait for, and the next single step from the list that PostgreSQL enforces to the one that is wanted.
/// </summary>
/// <remarks>
/// <para>
/// No acknowledged commit is lost on the way. A list goes on record before PostgreSQL is told to enforce it, beside those that were in force, and an election has to
/// meet every one on record (R + W > N of each). Those before are dropped when it is certain that none of them is enforced any more, and as many standbys as the new list asks
/// for have flushed past that moment: from then on each commit acknowledged under any of them is where the new list says.
/// </para>
/// <para>
/// Somebody can lead on the way. Between two lists stands a wider one, whenever enough standbys are there for it: all of both, and as many of them to wait
/// for as leave no more slack than the narrower of the two. Whoever could be elected under the old list can be under both, and the same of the new one.
/// </para>
/// <para>
/// Voters are named. While fewer of them are there than there are places, nodes without a vote that are well stand in for them, until a voter is there or one of them is made a voter.
/// </para>
/// <para>
/// It does not flap. A standby comes on the list after <see cref="Settled"/> of streaming within the lag limit without a break (at once while protection has too few, or
/// where it takes the place of one that is taken out of service), and leaves it when it has been away for as long as its absence may last. With method first, one that is on the list and well gives way only to one of a better failure domain, not
/// for weight or name.
/// </para>
/// </remarks>
public static class SynchronousPolicyRule
{
    /// <summary>How long a standby has to be well before commits wait for it.</summary>
    public static readonly TimeSpan Settled = TimeSpan.FromSeconds(5);

    /// <summary>The list that is wanted; the present one in mode manual.</summary>
    /// <param name="config">The policy asked for.</param>
    /// <param name="primaryDomain">The primary's failure domain.</param>
    /// <param name="others">The other nodes.</param>
    /// <param name="present">The list in force.</param>
    /// <param name="places">How many standbys are to be voters: a place that no voter can fill now is filled by another node that is well.</param>
    public static SynchronousList Choose(
        SynchronousConfig config, string primaryDomain, IReadOnlyList<SynchronousStandby> others, SynchronousList present, int places = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(present);
        if (config.Mode is SynchronousMode.Manual or SynchronousMode.Performance)
        {
            return config.Mode == SynchronousMode.Manual ? present : SynchronousList.None;
        }

        var preference = NodePreference.Spreading(primaryDomain);
        var may = others.Where(n => n.MayLead && !n.IsSuspended).OrderBy(n => n.Merits, preference).ToArray();
        var able = may.Where(n => present.Names(n.Name) ? !n.IsLost : n.WellFor >= Settled).ToArray();
        var stopgaps = able.Where(n => !n.IsVoter).OrderBy(n => present.Names(n.Name) ? 0 : 1).ThenBy(n => n.Merits, preference).Take(Math.Max(0, places - able.Count(n => n.IsVoter))).ToArray();
        var there = able.Where(n => n.IsVoter || stopgaps.Contains(n)).ToArray();
        if (config.Mode == SynchronousMode.Protection && there.Length < config.Standbys)
        {
            // Commits wait in any case: whoever can end that is welcome, and the places that are left are kept for who held them.
            there = [.. there, .. may.Except(there)
                .OrderBy(n => n.WellFor is null ? 1 : 0).ThenBy(n => present.Names(n.Name) ? 0 : 1).ThenBy(n => n.IsVoter ? 0 : 1).ThenBy(n => n.Merits, preference)
                .Take(config.Standbys - there.Length)];
        }
        else if (there.Length < config.Standbys)
        {
            // Who is taken out of service is there still: whoever replaces it need not have been well for long, for until then commits would wait for nobody.
            var leaving = others.Count(n => n.IsSuspended && present.Names(n.Name) && !n.IsLost);
            there = [.. there, .. may.Except(there).Where(n => n.WellFor is not null).Take(Math.Min(leaving, config.Standbys - there.Length))];
        }

        var elsewhere = there.Where(n => preference.IsElsewhere(n.FailureDomain)).ToArray();
        SynchronousStandby[] named = config.Method == SynchronousMethod.Any
            ? elsewhere.Length >= config.Standbys ? elsewhere : there
            : [.. there.OrderBy(n => preference.IsElsewhere(n.FailureDomain) ? 0 : 1).ThenBy(n => present.Names(n.Name) ? 0 : 1).ThenBy(n => n.Merits, preference).Take(config.Standbys)];
        var count = Math.Min(config.Standbys, named.Length);
        return count == 0 ? SynchronousList.None : new SynchronousList(config.Method, count, [.. named.OrderBy(n => n.Merits, preference).Select(n => n.Name)]);
    }

    /// <summary>The next step.</summary>
    public static SynchronousStep Next(SynchronousSituation situation)
    {
        ArgumentNullException.ThrowIfNull(situation);
        var (recorded, primary, timeline) = (situation.Recorded, situation.Primary, situation.Server.Timeline);
        var present = SynchronousList.Parse(situation.Server.SynchronousStandbyNames);
        var enforced = present.Of(primary, timeline);
        if (recorded is null || !recorded.InForce.Any(enforced.IsSameAs))
        {
            return new SynchronousStep(enforced.Before(recorded), null, $"PostgreSQL enforces '{situation.Server.SynchronousStandbyNames}'");
        }

        var wanted = Choose(situation.Config, situation.PrimaryDomain, situation.Others, present, situation.Places);
        if (!wanted.IsSameAs(present) && !IsSettling(situation, present, enforced))
        {
            var next = Towards(present, wanted, situation.Others);
            var going = next.Of(primary, timeline);
            return going.IsSameAs(recorded)
                ? new SynchronousStep(null, next, Explain(situation, present, next))
                : new SynchronousStep(going.Before(recorded), null, Explain(situation, present, next));
        }

        if (!enforced.IsSameAs(recorded))
        {
            return new SynchronousStep(enforced.Before(recorded), null, "the list on record is not wanted any more, and was not enforced");
        }

        if (recorded.Previous is not null && !situation.IsWritten && situation.Config.Mode != SynchronousMode.Manual)
        {
            return new SynchronousStep(null, present, "an agent before this one may have left another list where PostgreSQL reads it next time");
        }

        return recorded.Previous is not null && HasArrived(situation, present)
            ? new SynchronousStep(recorded with { Previous = null }, null, "the standbys have every commit of the lists before")
            : new SynchronousStep(null, null, recorded.Previous is null ? "as wanted" : "the lists before still hold");
    }

    /// <summary>The list to go to next on the way from one to another: the other, or one that is wider than both.</summary>
    public static SynchronousList Towards(SynchronousList present, SynchronousList wanted, IReadOnlyList<SynchronousStandby> others)
    {
        ArgumentNullException.ThrowIfNull(present);
        ArgumentNullException.ThrowIfNull(wanted);
        if (present.Count == 0 || wanted.Count == 0 || present.Names("*"))
        {
            return wanted;
        }

        string[] all = [.. wanted.Standbys, .. present.Standbys.Where(s => !wanted.Names(s))];
        var both = new SynchronousList(wanted.Method, all.Length - Math.Min(present.Slack, wanted.Slack), all);
        var isOneOfThem = new[] { present, wanted }.Any(l => l.Count == both.Count && l.Standbys.Count == all.Length);

        // Commits would wait for one that is not there.
        var there = others.Count(n => n.GoneFor is null && both.Names(n.Name));
        return isOneOfThem || there < both.Count ? wanted : both;
    }

    /// <summary>The lists before can be dropped soon: until then another change would leave nobody who could be elected.</summary>
    private static bool IsSettling(SynchronousSituation situation, SynchronousList present, SynchronousPolicyRecord enforced) =>
        present.Count > 0 && situation.Recorded is { Previous: not null } recorded && recorded.IsSameAs(enforced)
        && situation.Others.Count(n => n.GoneFor is null && present.Names(n.Name)) >= present.Count;

    /// <summary>Every commit of the lists before is where the one enforced says.</summary>
    private static bool HasArrived(SynchronousSituation situation, SynchronousList present)
    {
        if (situation.AloneSince is not { } since)
        {
            return false;
        }

        var arrived = situation.Server.Standbys.Where(s => s.State == "streaming" && s.FlushLsn >= since).Select(s => s.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);

        // Once nobody is named, whoever leads next may be any of them.
        return present.Count == 0
            ? situation.Others.Where(n => n.MayLead).All(n => arrived.Contains(n.Name))
            : arrived.Count(n => present.Names("*") || present.Names(n)) >= present.Count;
    }

    private static string Explain(SynchronousSituation situation, SynchronousList present, SynchronousList next)
    {
        var lost = situation.Others.Where(n => present.Names(n.Name) && (n.IsLost || n.IsSuspended)).Select(n => n.IsSuspended
            ? $"{n.Name} is suspended"
            : string.Create(CultureInfo.InvariantCulture, $"{n.Name} has been away for {n.GoneFor!.Value.TotalSeconds:0.#} s")).ToArray();
        string[] lesser = [.. situation.Others.Where(n => present.Names(n.Name) && !next.Names(n.Name) && !n.IsVoter && !n.IsLost && !n.IsSuspended).Select(n => $"{n.Name} is no voter")];
        string[] come = [.. next.Standbys.Where(n => !present.Names(n))];
        return string.Join("; ", [
            $"'{present.Text}' becomes '{next.Text}'",
            .. lost,
            .. lesser,
            .. come.Length > 0 ? [$"{string.Join(", ", come)} can be waited for"] : Array.Empty<string>(),
            .. next.Count < situation.Config.Standbys && situation.Config.Mode == SynchronousMode.Availability
                ? [string.Create(CultureInfo.InvariantCulture, $"commits wait for {next.Count} of the {situation.Config.Standbys} standbys asked for")]
                : Array.Empty<string>(),
        ]);
    }
}

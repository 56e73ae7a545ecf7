using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Equal for states that behave alike: times count from now, revisions only as the same or not.</summary>
internal static class StateKey
{
    public static UInt128 Of(ProtocolState state)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(Text(state)), hash);
        return new UInt128(BitConverter.ToUInt64(hash), BitConverter.ToUInt64(hash[8..]));
    }

    private static string Text(ProtocolState s)
    {
        var text = new StringBuilder(400);
        var store = s.Store;
        var beats = store.Leader?.Term == store.BeatTerm.ToString(CultureInfo.InvariantCulture);
        void Add(FormattableString more) => text.Append(more.ToString(CultureInfo.InvariantCulture));
        Add($"{store.Leader?.Node},{store.Leader?.Timeline},{store.Leader?.YieldsTo}|{Left(store.LeaderLease)},{Math.Min(s.Now - store.BeatAt, ProtocolClock.TimeToLive)},{beats}|{store.Last?.Node},{store.Last?.Timeline},{store.Last?.Lsn},{store.Last?.Unguarded}{store.Last?.Left is null}|");
        Add($"{store.Operation?.Id},{store.Operation?.State},{store.Operation?.From},{store.Operation?.Target}|{store.Lock != 0}{s.Plans}{s.StoppedAt}|{store.ReportedPrimaries}|{store.Suspended}{s.Suspensions}|");
        Add($"{s.Commits}/{s.Faults}/{s.PeerCuts}/{s.Acknowledged}/{s.Told}|");
        foreach (var policy in store.Policy?.InForce ?? [])
        {
            Add($"{policy.Primary}{policy.Timeline}{policy.Count}{string.Join(' ', policy.Standbys)};");
        }

        foreach (var n in s.Nodes)
        {
            Add($"|{n.Agent}{n.GuardFrozen}{n.GuardDead}{n.ServerFrozen}{n.Cut}{n.Unwell}{n.Server}{n.Role}{n.Timeline},{n.ForkAt},{n.Log},{n.Upstream},{n.Names},{n.NamesBefore},{n.Late}");
            Add($",{n.Starting}{n.StoppedByAgent}{n.StoppedFor}{n.SynchronousSeen},{n.SeenNames},{n.SeenTimeline},{n.IsAlone}{n.AloneSince},{n.Written},{n.ToEnforce}");
            Add($",{(n.GuardAt == 0 ? "-" : n.GuardAt - s.Now)},{Rank(n.Serving)}{n.Enforced}{n.Guarded}");
            if (n.Lease != 0)
            {
                Add($",H{n.Lost}{n.RenewedAt - s.Now}{Left(n.Lease)}{n.Lease == store.LeaderLease}{n.WrittenAt == store.LeaderRevision}");
            }

            Add($",{n.Renewal}{(n.Renewal == RenewalStage.None ? 0 : n.RenewalSentAt - s.Now)},{n.SteppingDown}{n.LostTerm == n.Term},{n.Doing}{n.Purpose}{n.ActingOn?.State}{n.ActingOn?.Timeline}{n.ActingOn?.Lsn}{n.LookedWith}");
            if (n.Take is { } take)
            {
                Add($",T{take.Stage}{Left(take.Lease)}{take.GrantedAt - s.Now}{take.WasArmed}{take.Guarded}{Fresh(take.Ballot)}{take.Timeline}{take.Policy is null}{take.Operation?.Target}");
            }

            if (n.Ballot is { } ballot)
            {
                Add($",B{Fresh(ballot)}");
                foreach (var vote in n.Votes)
                {
                    Add($"{vote?.State}{vote?.Role}{vote?.Timeline}{vote?.Lsn};");
                }
            }
        }

        return text.ToString();

        string Left(int lease) => store.Leases.TryGetValue(lease, out var end) ? Math.Max(0, end - s.Now).ToString(CultureInfo.InvariantCulture) : "x";

        string Fresh(StoreBallot b) =>
            $"{b.LeaderRevision == store.LeaderRevision}{b.BeatRevision == store.BeatRevision}{Math.Min(s.Now - b.BeatAt, ProtocolClock.TimeToLive)}{b.LastRevision == store.LastRevision}{b.OperationRevision == store.OperationRevision}{b.PolicyRevision == store.PolicyRevision}";

        int Rank(int serving) => serving == 0 ? 0 : s.Nodes.Count(n => n.Serving != 0 && n.Serving <= serving);
    }
}

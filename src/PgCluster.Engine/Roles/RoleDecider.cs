using System.Globalization;

namespace PgCluster.Engine.Roles;

/// <summary>
/// The rules of the roles, one change at a time: what a member that starts takes for itself, what one that leaves hands over and to whom, and what the primary's side changes next
/// so that there are as many voters and stand-bys as asked for, spread over the failure domains.
/// </summary>
/// <remarks>
/// <para>Make before break: a voter is added before another leaves, and one that is offline or barred leaves after its place was taken. The primary is never demoted.</para>
/// <para>
/// It comes to an end. A voter is added only where there are too few, or in a failure domain that has none while another has two; one is taken away only where there are too many, from the domain
/// that has the most, the primary counted. So the domains that have a voter become more and never fewer, until there are as many as voters asked for.
/// </para>
/// <para>
/// A member marked no_failover is no voter, however few there are: an election needs the votes of the voters, and a commit that only it has could not be saved. It may be a stand-by. A suspended one
/// is no voter either, counts for nothing, and keeps whatever else it has: it is out of service for a while, and asked for nothing. One that hands over keeps nothing. Weight and name move nobody who has a role.
/// </para>
/// </remarks>
public static class RoleDecider
{
    /// <summary>Members a cluster needs before more than its primary votes, unless fewer voters are asked for.</summary>
    public const int UsefulSize = 3;

    private static readonly NodePreference Unspread = NodePreference.Spreading();

    /// <summary>What a member that has just started takes for itself.</summary>
    /// <param name="members">All members.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="self">The member that starts.</param>
    public static RoleDecision Assume(IReadOnlyList<RoleMember> members, RoleRequest request, string self)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(request);
        var own = members.FirstOrDefault(m => m.Name == self);
        if (own is not { Role: MemberRole.Spare, Suspended: null } || IsTooSmall(members, request))
        {
            return RoleDecision.None;
        }

        var census = new RoleCensus(members);
        return census.Voters < request.Voters && RoleCensus.MayVote(own) ? new RoleDecision(MemberRole.Voter, [self], TooFew(census.Voters, request.Voters, "voters"))
            : census.StandBys < request.StandBys || census.Voters < request.Voters ? new RoleDecision(MemberRole.StandBy, [self], TooFew(census.StandBys, request.StandBys, "stand-bys"))
            : RoleDecision.None;
    }

    /// <summary>Which role a member that leaves hands over, and to whom.</summary>
    /// <param name="members">All members.</param>
    /// <param name="self">The member that leaves.</param>
    public static RoleDecision Handover(IReadOnlyList<RoleMember> members, string self)
    {
        ArgumentNullException.ThrowIfNull(members);
        var own = members.FirstOrDefault(m => m.Name == self);
        if (own is null or { Role: MemberRole.Spare })
        {
            return RoleDecision.None;
        }

        var census = new RoleCensus(members, self);
        var others = members.Where(m => m.Name != self && m.IsOnline && m.Role < own.Role);
        return own.Role == MemberRole.Voter
            ? Give(MemberRole.Voter, others.Where(RoleCensus.MayVote), census.VoterPreference, int.MaxValue, _ => $"{self} leaves, and its vote goes to another")
            : Give(MemberRole.StandBy, others.Where(m => m.Suspended is null), census.StandByPreference, int.MaxValue, _ => $"{self} leaves, and another streams in its place");
    }

    /// <summary>The next change; none when the roles are as asked for, or as near to that as the members allow.</summary>
    /// <param name="members">All members, the primary among them.</param>
    /// <param name="request">What is asked for.</param>
    public static RoleDecision Adjust(IReadOnlyList<RoleMember> members, RoleRequest request) => Adjust(members, request, int.MaxValue);

    /// <summary>The next change, with no more candidates than are of use.</summary>
    internal static RoleDecision Adjust(IReadOnlyList<RoleMember> members, RoleRequest request, int most)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(request);
        if (IsTooSmall(members, request))
        {
            return Take(MemberRole.Spare, members.Where(m => m is { Role: MemberRole.Voter, IsPrimary: false }), _ => 0, most, _ => TooSmall(members.Count, request));
        }

        var census = new RoleCensus(members);
        return Spread(members, request, census, most) ?? Voters(members, request, census, most) ?? Idle(members, request, census, most) ?? StandBys(members, request, census, most);
    }

    /// <summary>True when the cluster is too small for more than one voter.</summary>
    internal static bool IsTooSmall(IReadOnlyList<RoleMember> members, RoleRequest request) => members.Count < Math.Min(UsefulSize, request.Voters);

    /// <summary>Why a small cluster has one voter.</summary>
    internal static string TooSmall(int members, RoleRequest request) => string.Create(
        CultureInfo.InvariantCulture, $"{members} members are too few for {request.Voters} voters: ask for {members} voters and each is one");

    /// <summary>What the order of preference looks at.</summary>
    internal static NodeMerits Merits(RoleMember member) => new(member.Name, member.FailureDomain, member.Weight) { Streams = member.Role != MemberRole.Spare };

    /// <summary>A failure domain without a voter, while another has two.</summary>
    private static RoleDecision? Spread(IReadOnlyList<RoleMember> members, RoleRequest request, RoleCensus census, int most)
    {
        // With as many domains as voters asked for another would only have to go again.
        if (census.VoterDomains >= Math.Min(census.Voters, request.Voters))
        {
            return null;
        }

        var preference = census.VoterPreference;
        var decision = Give(MemberRole.Voter, members.Where(m => IsCandidate(m) && preference.IsElsewhere(m.FailureDomain)), preference, most, m => m.FailureDomain.Length == 0
            ? $"{m.Name} shares no failure domain with a voter, and one domain has two"
            : $"failure domain {m.FailureDomain} has no voter, and another has two");
        return decision.IsNone ? null : decision;
    }

    /// <summary>Too few voters, or too many.</summary>
    private static RoleDecision? Voters(IReadOnlyList<RoleMember> members, RoleRequest request, RoleCensus census, int most)
    {
        if (census.Voters < request.Voters)
        {
            var added = Give(MemberRole.Voter, members.Where(IsCandidate), census.VoterPreference, most, _ => TooFew(census.Voters, request.Voters, "voters"));
            if (!added.IsNone || request.Mode == RoleMode.Strict)
            {
                return added.IsNone ? null : added;
            }

            var dropped = Take(MemberRole.Spare, members.Where(m => m is { Role: MemberRole.Voter, IsOnline: false, IsPrimary: false }), _ => 0, most, m => string.Create(
                CultureInfo.InvariantCulture, $"{m.Name} is offline and nobody can take its place: dropped, so that commits go on with {census.Voters} of {request.Voters} voters"));
            return dropped.IsNone ? null : dropped with { Degrades = true };
        }

        if (census.Voters == request.Voters)
        {
            return null;
        }

        // Never the last of its domain while another has two.
        var crowded = census.VoterDomains < census.Voters;
        return Take(
            MemberRole.Spare, members.Where(m => RoleCensus.CountsAsVoter(m) && !m.IsPrimary && (!crowded || census.VotersBeside(m) > 1)), census.VotersBeside, most,
            m => TooMany(census.Voters, request.Voters, "voters", m, census.VotersBeside(m)));
    }

    /// <summary>Members that hand over, and voters that are of no use, once their places are taken.</summary>
    private static RoleDecision? Idle(IReadOnlyList<RoleMember> members, RoleRequest request, RoleCensus census, int most)
    {
        var missing = census.Voters < request.Voters;
        var leavers = members.Where(m => m is { HandsOver: true, Suspended: not null, IsPrimary: false, Role: not MemberRole.Spare }).ToArray();
        var left = Take(MemberRole.Spare, leavers, m => m.Role == MemberRole.Voter ? 1 : 0, most, m => $"{m.Name} hands over");
        if (!left.IsNone)
        {
            return left with { Degrades = missing && leavers.Any(m => m.Role == MemberRole.Voter) };
        }

        var barred = Take(
            MemberRole.StandBy, members.Where(m => m is { Role: MemberRole.Voter, IsOnline: true, IsPrimary: false } && !RoleCensus.MayVote(m)), _ => 0, most,
            m => $"{m.Name} {Bar(m)}, so that no commit may wait for it");
        if (!barred.IsNone)
        {
            return barred with { Degrades = missing };
        }

        var gone = Take(
            MemberRole.Spare, members.Where(m => m is { Role: MemberRole.Voter, IsOnline: false, IsPrimary: false } && (!missing || !RoleCensus.MayVote(m))), _ => 0, most,
            m => missing ? $"{m.Name} {Bar(m)}, so that no commit may wait for it" : $"{m.Name} is offline, and there are voters enough without it");
        return gone.IsNone ? null : gone with { Degrades = missing };
    }

    /// <summary>Too few stand-bys, too many, or some that are offline and not needed.</summary>
    private static RoleDecision StandBys(IReadOnlyList<RoleMember> members, RoleRequest request, RoleCensus census, int most) =>
        census.StandBys < request.StandBys
            ? Give(
                MemberRole.StandBy, members.Where(m => m is { Role: MemberRole.Spare, IsOnline: true, Suspended: null }), census.StandByPreference, most,
                _ => TooFew(census.StandBys, request.StandBys, "stand-bys"))
            : census.StandBys > request.StandBys
                ? Take(
                    MemberRole.Spare, members.Where(RoleCensus.CountsAsStandBy), census.StandBysBeside, most,
                    m => TooMany(census.StandBys, request.StandBys, "stand-bys", m, census.StandBysBeside(m)))
                : Take(
                    MemberRole.Spare, members.Where(m => m is { Role: MemberRole.StandBy, IsOnline: false, Suspended: null }), _ => 0, most,
                    m => $"{m.Name} is offline, and there are stand-bys enough without it");

    /// <summary>What an administrator has against a member as a voter.</summary>
    internal static string Bar(RoleMember member) => member.Suspended is { } suspended ? $"is {suspended}" : "is marked no_failover";

    private static bool IsCandidate(RoleMember member) => member is { IsOnline: true, Role: not MemberRole.Voter } && RoleCensus.MayVote(member);

    /// <summary>Gives a role to the best.</summary>
    private static RoleDecision Give(MemberRole role, IEnumerable<RoleMember> candidates, NodePreference preference, int most, Func<RoleMember, string> why)
    {
        var ordered = Foremost.Of(candidates, m => preference.Stand(Merits(m)), preference.Compare, most);
        return ordered.Count == 0 ? RoleDecision.None : new RoleDecision(role, [.. ordered.Select(m => m.Name)], why(ordered[0])) { Preference = preference };
    }

    /// <summary>Takes a role away from one of where there are most, there from the one that is preferred least.</summary>
    private static RoleDecision Take(MemberRole role, IEnumerable<RoleMember> members, Func<RoleMember, int> crowd, int most, Func<RoleMember, string> why)
    {
        var ordered = Foremost.Of(members, m => (Crowd: crowd(m), Merits: Merits(m)), LastFirst, most);
        return ordered.Count == 0 ? RoleDecision.None : new RoleDecision(role, [.. ordered.Select(m => m.Name)], why(ordered[0]));
    }

    private static int LastFirst((int Crowd, NodeMerits Merits) x, (int Crowd, NodeMerits Merits) y)
    {
        var crowd = y.Crowd.CompareTo(x.Crowd);
        return crowd != 0 ? crowd : Unspread.Compare(y.Merits, x.Merits);
    }

    private static string TooFew(int there, int asked, string what) => string.Create(CultureInfo.InvariantCulture, $"there are {there} of the {asked} {what} asked for");

    private static string TooMany(int there, int asked, string what, RoleMember member, int beside) => string.Create(
        CultureInfo.InvariantCulture,
        $"there are {there} {what} and {asked} are asked for{(beside > 1 ? $"; {beside} of them are in failure domain {member.FailureDomain}" : "")}");
}

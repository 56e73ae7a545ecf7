using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

/// <summary>What holds of every plan, whatever the cluster looks like and whatever is asked for.</summary>
public sealed class RoleProperties
{
    private static readonly Gen<RoleMember> Members =
        from role in Gen.Elements(MemberRole.Spare, MemberRole.StandBy, MemberRole.Voter)
        from domain in Gen.Elements("", "a", "a", "b", "c", "d")
        from weight in Gen.Choose(-1, 2)
        from online in Gen.Elements(true, true, true, false)
        from barred in Gen.Choose(0, 11)
        select new RoleMember
        {
            Name = "", Role = role, FailureDomain = domain, Weight = weight, IsOnline = online, NoFailover = barred == 0, Suspended = barred is 1 or 2 ? "suspended" : null, HandsOver = barred == 2,
        };

    private static readonly Arbitrary<(RoleMember[] Members, RoleRequest Request)> Clusters = (
        from count in Gen.Choose(1, 12)
        from members in Members.ArrayOf(count)
        from primary in Gen.Choose(0, count - 1)
        from voters in Gen.Choose(1, 6)
        from standBys in Gen.Choose(0, 5)
        from mode in Gen.Elements(RoleMode.Strict, RoleMode.Relaxed)
        select (
            members.Select((m, i) => m with { Name = $"pg{i:00}", IsPrimary = i == primary, IsOnline = m.IsOnline || i == primary, Role = i == primary ? MemberRole.Voter : m.Role }).ToArray(),
            new RoleRequest { Voters = voters, StandBys = standBys, Mode = mode, MaxSteps = 5 * 12 })).ToArbitrary();

    [Fact]
    public void It_ends_and_then_there_is_nothing_to_do() => Check((members, request) =>
    {
        var plan = RolePlanner.Balance(members, request);
        Assert.True(plan.IsComplete);
        var again = RolePlanner.Balance(After(members, plan), request);
        Assert.Empty(again.Changes);
        Assert.Equal(plan.Members.Select(m => (m.Node, m.After)), again.Members.Select(m => (m.Node, m.After)));
    });

    [Fact]
    public void The_primary_is_never_demoted() => Check((members, request) =>
    {
        var primary = members.Single(m => m.IsPrimary).Name;
        Assert.DoesNotContain(RolePlanner.Balance(members, request).Changes, c => c.Node == primary || c.Kind == RoleChangeKind.MovePrimary);
    });

    [Fact]
    public void No_failure_domain_is_left_uncovered_that_could_be_covered() => Check((members, request) =>
    {
        var after = After(members, RolePlanner.Balance(members, request));
        if (RoleDecider.IsTooSmall(after, request))
        {
            return;
        }

        var voters = after.Where(Votes).ToArray();
        var uncovered = after.Where(m => m is { IsOnline: true, NoFailover: false, Suspended: null } && voters.All(v => v.FailureDomain != m.FailureDomain)).ToArray();

        // Then each voter covers one of its own, and none could be spared for it.
        Assert.True(uncovered.Length == 0 || voters.GroupBy(Domain).All(g => g.Count() == 1));
    });

    [Fact]
    public void Nobody_leaves_before_the_place_is_taken() => Check((members, request) =>
    {
        var now = members;
        foreach (var change in RolePlanner.Balance(members, request).Changes)
        {
            var before = now.Single(m => m.Name == change.Node);
            var voters = now.Where(Votes).ToArray();
            Assert.Equal(before.Role, change.From);
            Assert.NotEqual(change.From, change.To);
            if (change.From == MemberRole.Voter && !RoleDecider.IsTooSmall(now, request))
            {
                if (Votes(before))
                {
                    // One too many, and never the last of its domain while another has two.
                    Assert.True(voters.Length > request.Voters);
                    Assert.True(voters.Count(v => Domain(v) == Domain(before)) > 1 || voters.GroupBy(Domain).All(g => g.Count() == 1));
                }
                else
                {
                    Assert.Equal(voters.Length < request.Voters, change.Degrades);
                    Assert.True(!change.Degrades || request.Mode == RoleMode.Relaxed || before is { NoFailover: true } or { Suspended: not null });
                }
            }

            if (change.To == MemberRole.Voter)
            {
                Assert.True(before is { IsOnline: true, NoFailover: false, Suspended: null });
            }

            now = [.. now.Select(m => m.Name == change.Node ? m with { Role = change.To } : m)];
        }
    });

    [Fact]
    public void There_are_as_many_as_asked_for_or_as_there_can_be() => Check((members, request) =>
    {
        var plan = RolePlanner.Balance(members, request);
        var after = After(members, plan);
        if (RoleDecider.IsTooSmall(after, request))
        {
            Assert.Single(after, m => m.Role == MemberRole.Voter);
            return;
        }

        var may = after.Count(m => m.IsPrimary || m is { IsOnline: true, NoFailover: false, Suspended: null });
        var voters = after.Count(Votes);
        Assert.Equal(Math.Min(request.Voters, may), voters);
        var others = after.Count(m => m is { IsOnline: true, IsPrimary: false, Suspended: null }) - (voters - 1);
        Assert.DoesNotContain(after, m => m is { HandsOver: true, IsPrimary: false, Role: not MemberRole.Spare });
        Assert.Equal(Math.Min(request.StandBys, others), after.Count(m => m is { Role: MemberRole.StandBy, IsOnline: true, Suspended: null }));
        Assert.DoesNotContain(after, m => m is { Role: MemberRole.Voter, IsPrimary: false } and ({ NoFailover: true } or { Suspended: not null }));
        Assert.True(request.Mode == RoleMode.Strict || after.All(m => m.Role != MemberRole.Voter || m.IsOnline));
        Assert.Equal(voters < request.Voters, plan.Warnings.Any(w => w.Contains("voters asked for: nobody else", StringComparison.Ordinal)));
    });

    [Fact]
    public void The_order_in_which_members_are_named_does_not_matter() => Check((members, request) =>
        Assert.Equal(
            RolePlanner.Balance(members, request).Changes.Select(c => (c.Node, c.To, c.Why)),
            RolePlanner.Balance([.. members.Reverse()], request).Changes.Select(c => (c.Node, c.To, c.Why))));

    [Fact]
    public void After_a_handover_there_is_one_primary_and_nobody_else_has_lost_a_role() => Check((members, request) =>
    {
        foreach (var node in members)
        {
            var plan = RolePlanner.Handover(members, request, node.Name);
            var primary = Assert.Single(plan.Members, m => m.IsPrimary);
            Assert.True(primary is { IsOnline: true, After: MemberRole.Voter });
            Assert.All(plan.Members.Where(m => m.Node != node.Name), m => Assert.True(m.After >= m.Before));
            var own = plan.Members.Single(m => m.Node == node.Name);
            Assert.Equal(own.After != MemberRole.Spare, plan.Warnings.Any(w => w.StartsWith($"{node.Name} stays", StringComparison.Ordinal)));

            // The place is taken first, the primary moves then, and only after both the node leaves.
            Assert.Equal(plan.Changes.OrderBy(c => c.Node == node.Name ? 2 : (int)c.Kind), plan.Changes);
        }
    });

    private static void Check(Action<RoleMember[], RoleRequest> holds) => Prop.ForAll(Clusters, cluster =>
    {
        try
        {
            holds(cluster.Members, cluster.Request);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{Roster.Shown(cluster.Members)} {cluster.Request}", e);
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    private static RoleMember[] After(RoleMember[] members, RolePlan plan)
    {
        var now = members;
        foreach (var change in plan.Changes)
        {
            now = [.. now.Select(m => m.Name == change.Node ? m with { Role = change.To } : m)];
        }

        Assert.Equal(plan.Members.Select(m => (m.Node, m.After)), now.Select(m => (m.Name, m.Role)));
        return now;
    }

    private static bool Votes(RoleMember member) => member is { Role: MemberRole.Voter, IsOnline: true } && (member.IsPrimary || member is { NoFailover: false, Suspended: null });

    private static string Domain(RoleMember member) => member.FailureDomain.Length == 0 ? member.Name : member.FailureDomain;
}

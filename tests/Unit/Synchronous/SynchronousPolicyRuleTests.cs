using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Tests.Unit.Synchronous;

public sealed class SynchronousPolicyRuleTests
{
    // A standby is name[/domain][*weight][?][+|-|~|!|#|%]: no voter (?), well for long (+), just come (~), just gone (-), gone for long (!), never to lead and well (#), suspended and well (%). The primary is in
    // domain a, and with as many places for voters as there are in the last column.
    [Theory]
    // Nobody waits, whoever is there.
    [InlineData("performance 1 any", "pg02+ pg03+", "ANY 1 (pg02, pg03)", "")]
    // The operator's list is left alone.
    [InlineData("manual 1 any", "pg02! pg03+", "FIRST 1 (pg02)", "FIRST 1 (pg02)")]
    // Any: every one that may be; first: as many as are waited for.
    [InlineData("availability 1 any", "pg02+ pg03+", "", "ANY 1 (pg02, pg03)")]
    [InlineData("availability 1 first", "pg02+ pg03+", "", "FIRST 1 (pg02)")]
    [InlineData("availability 2 first", "pg02+ pg03+ pg04+", "", "FIRST 2 (pg02, pg03)")]
    // Who is lost leaves the list, and another takes the place.
    [InlineData("availability 1 any", "pg02! pg03+", "ANY 1 (pg02, pg03)", "ANY 1 (pg03)")]
    [InlineData("availability 1 first", "pg02! pg03+", "FIRST 1 (pg02)", "FIRST 1 (pg03)")]
    // Not at once: it may have lost its connection for a moment.
    [InlineData("availability 1 first", "pg02- pg03+", "FIRST 1 (pg02)", "FIRST 1 (pg02)")]
    // Who has just come back is not waited for yet; in protection it is when commits wait in any case.
    [InlineData("availability 1 first", "pg02~ pg03!", "", "")]
    [InlineData("protection 1 first", "pg02~ pg03!", "FIRST 1 (pg03)", "FIRST 1 (pg02)")]
    [InlineData("availability 1 any", "pg02+ pg03~", "ANY 1 (pg02)", "ANY 1 (pg02)")]
    // Availability gives way down to none, protection never.
    [InlineData("availability 2 any", "pg02+ pg03!", "ANY 2 (pg02, pg03)", "ANY 1 (pg02)")]
    [InlineData("protection 2 any", "pg02+ pg03!", "ANY 2 (pg02, pg03)", "ANY 2 (pg02, pg03)")]
    [InlineData("availability 1 any", "pg02! pg03!", "ANY 1 (pg02)", "")]
    [InlineData("protection 1 any", "pg02! pg03!", "ANY 1 (pg03)", "ANY 1 (pg03)")]
    [InlineData("protection 2 first", "pg02! pg03! pg04+", "FIRST 2 (pg02, pg03)", "FIRST 2 (pg02, pg04)")]
    [InlineData("protection 1 any", "pg02! pg03!", "", "ANY 1 (pg02)")]
    // Another failure domain than the primary's, then weight, then name.
    [InlineData("availability 1 any", "pg02/a+ pg03/b+ pg04/c+", "", "ANY 1 (pg03, pg04)")]
    [InlineData("availability 2 any", "pg02/a+ pg03/b+", "", "ANY 2 (pg03, pg02)")]
    [InlineData("availability 1 first", "pg02/a+ pg03/b+ pg04/b*5+", "", "FIRST 1 (pg04)")]
    // Who is on the list and well gives way for a better domain, not for weight or name.
    [InlineData("availability 1 first", "pg02/a+ pg03/b+", "FIRST 1 (pg02)", "FIRST 1 (pg03)")]
    [InlineData("availability 1 first", "pg02*9+ pg03+", "FIRST 1 (pg03)", "FIRST 1 (pg03)")]
    // A commit that only such a node has could not be saved by promoting it.
    [InlineData("availability 1 any", "pg02# pg03+", "", "ANY 1 (pg03)")]
    [InlineData("availability 1 any", "pg02#", "ANY 1 (pg02)", "")]
    // Who is out of service gives way, however well; protection then keeps its place for who may come back.
    [InlineData("availability 1 any", "pg02% pg03+", "ANY 1 (pg02, pg03)", "ANY 1 (pg03)")]
    [InlineData("availability 1 first", "pg02% pg03+", "FIRST 1 (pg02)", "FIRST 1 (pg03)")]
    [InlineData("availability 1 any", "pg02%", "ANY 1 (pg02)", "")]
    // Whoever is there takes its place at once, and nobody who is not needed.
    [InlineData("availability 1 any", "pg02% pg03~", "ANY 1 (pg02)", "ANY 1 (pg03)")]
    [InlineData("availability 2 first", "pg02% pg03~ pg04~", "FIRST 2 (pg02)", "FIRST 1 (pg03)")]
    [InlineData("availability 1 any", "pg02% pg03+ pg04~", "ANY 1 (pg02, pg03)", "ANY 1 (pg03)")]
    [InlineData("availability 1 any", "pg02% pg03-", "ANY 1 (pg02)", "")]
    [InlineData("protection 1 any", "pg02% pg03!", "ANY 1 (pg02)", "ANY 1 (pg03)")]
    // Voters are named, and who is none leaves the list.
    [InlineData("availability 1 any", "pg02+ pg03+ pg04?+", "ANY 1 (pg02, pg03)", "ANY 1 (pg02, pg03)", 2)]
    [InlineData("availability 1 any", "pg02+ pg03+ pg04?+", "ANY 1 (pg02, pg03, pg04)", "ANY 1 (pg02, pg03)", 2)]
    [InlineData("availability 1 first", "pg02?+ pg03+", "FIRST 1 (pg02)", "FIRST 1 (pg03)", 1)]
    // A voter's place is taken by one that is well while it is away, and no more places than there are.
    [InlineData("availability 1 any", "pg02+ pg03! pg04?+ pg05?+", "ANY 1 (pg02, pg03)", "ANY 1 (pg02, pg04)", 2)]
    [InlineData("availability 1 any", "pg02+ pg03! pg04?+ pg05?+", "ANY 1 (pg02, pg05)", "ANY 1 (pg02, pg05)", 2)]
    [InlineData("availability 1 any", "pg02+ pg03! pg04?~", "ANY 1 (pg02, pg03)", "ANY 1 (pg02)", 2)]
    [InlineData("availability 2 any", "pg02+ pg03! pg04?+", "ANY 2 (pg02, pg03)", "ANY 2 (pg02, pg04)", 2)]
    [InlineData("protection 2 first", "pg02+ pg03! pg04?+", "FIRST 2 (pg02, pg03)", "FIRST 2 (pg02, pg04)", 2)]
    // With no more nodes than places nobody's vote matters: three nodes are named as they always were.
    [InlineData("availability 1 any", "pg02?+ pg03?+", "", "ANY 1 (pg02, pg03)", 2)]
    // Voters above the number asked for, between the coming of one and the going of another, are all named.
    [InlineData("availability 1 any", "pg02+ pg03+ pg04+", "ANY 1 (pg02, pg03)", "ANY 1 (pg02, pg03, pg04)", 2)]
    // Who has just become a voter is not waited for yet, and who was one stands in for it.
    [InlineData("availability 2 any", "pg02+ pg03?+ pg04~", "ANY 2 (pg02, pg03)", "ANY 2 (pg02, pg03)", 2)]
    // Protection waits for a voter that is gone when nobody else is there.
    [InlineData("protection 2 any", "pg02+ pg03! pg04?!", "ANY 2 (pg02, pg03)", "ANY 2 (pg02, pg03)", 2)]
    [InlineData("protection 2 any", "pg02+ pg03?! pg04!", "ANY 1 (pg02)", "ANY 2 (pg02, pg04)", 2)]
    public void Which_standbys_commits_wait_for(string config, string standbys, string present, string wanted, int places = int.MaxValue) =>
        Assert.Equal(wanted, Plain(SynchronousPolicyRule.Choose(Config(config), "a", Standbys(standbys), SynchronousList.Parse(present), places)));

    [Fact]
    public void Who_leaves_because_of_its_role_is_said_to()
    {
        // The list that is wider than both comes first, and nobody leaves it.
        const string Wide = "ANY 2 (pg02, pg03, pg04)";
        var situation = Situation("availability 1 any", "pg02+ pg03+ pg04?+", Wide, SynchronousList.Parse(Wide).Of("pg01", 1)) with { Places = 2 };

        Assert.Contains("pg04 is no voter", SynchronousPolicyRule.Next(situation).Why, StringComparison.Ordinal);
    }

    [Theory]
    // A wider list stands between two, with no more slack than the narrower.
    [InlineData("ANY 1 (pg02)", "ANY 1 (pg03)", "pg02+ pg03+", "ANY 2 (pg03, pg02)")]
    [InlineData("ANY 2 (pg03, pg02)", "ANY 1 (pg03)", "pg02+ pg03+", "ANY 1 (pg03)")]
    [InlineData("ANY 1 (pg02)", "ANY 1 (pg02, pg03)", "pg02+ pg03+", "ANY 2 (pg02, pg03)")]
    [InlineData("ANY 2 (pg02, pg03)", "ANY 1 (pg02, pg03)", "pg02+ pg03+", "ANY 1 (pg02, pg03)")]
    [InlineData("ANY 1 (pg02, pg03)", "ANY 1 (pg03, pg04)", "pg02+ pg03+ pg04+", "ANY 2 (pg03, pg04, pg02)")]
    // Not where commits would wait for one that is gone.
    [InlineData("ANY 1 (pg02)", "ANY 1 (pg03)", "pg02! pg03+", "ANY 1 (pg03)")]
    [InlineData("ANY 1 (pg02, pg03)", "ANY 1 (pg03)", "pg02! pg03+", "ANY 1 (pg03)")]
    // Nothing has to be kept together with nothing.
    [InlineData("", "ANY 1 (pg02, pg03)", "pg02+ pg03+", "ANY 1 (pg02, pg03)")]
    [InlineData("ANY 1 (pg02)", "", "pg02!", "")]
    public void What_stands_between_two_lists(string present, string wanted, string standbys, string next) =>
        Assert.Equal(next, Plain(SynchronousPolicyRule.Towards(SynchronousList.Parse(present), SynchronousList.Parse(wanted), Standbys(standbys))));

    [Fact]
    public void A_change_goes_on_record_then_to_PostgreSQL_and_the_old_list_goes_last()
    {
        var lost = Situation("availability 1 first", "pg02! pg03+", "FIRST 1 (pg02)", null);
        Assert.Equal("FIRST 1 (pg02)", Shown(SynchronousPolicyRule.Next(lost).Record));

        lost = lost with { Recorded = SynchronousPolicyRule.Next(lost).Record };
        var step = SynchronousPolicyRule.Next(lost);
        Assert.Equal("FIRST 1 (pg03) FIRST 1 (pg02)", Shown(step.Record));
        Assert.Null(step.Enforce);

        lost = lost with { Recorded = step.Record };
        step = SynchronousPolicyRule.Next(lost);
        Assert.Null(step.Record);
        Assert.Equal("FIRST 1 (pg03)", Plain(step.Enforce!));
        Assert.Contains("pg02 has been away", step.Why, StringComparison.Ordinal);

        // Not before it is certain that the old one is not enforced any more, and not before the new standby has what was acknowledged under it.
        lost = lost with { Server = Server("FIRST 1 (pg03)", ("pg03", 900)) };
        Assert.True(SynchronousPolicyRule.Next(lost).IsNothing);
        Assert.True(SynchronousPolicyRule.Next(lost with { AloneSince = new Lsn(950) }).IsNothing);
        step = SynchronousPolicyRule.Next(lost with { AloneSince = new Lsn(900) });
        Assert.Equal("FIRST 1 (pg03)", Shown(step.Record));

        Assert.True(SynchronousPolicyRule.Next(lost with { Recorded = step.Record }).IsNothing);
    }

    [Fact]
    public void A_list_that_an_agent_before_may_have_left_half_written_is_written_over_before_it_leaves_the_record()
    {
        var policy = SynchronousList.Parse("FIRST 1 (pg02)").Of("pg01", 1) with { Previous = SynchronousList.Parse("FIRST 1 (pg03)").Of("pg01", 1) };
        var situation = Situation("availability 1 first", "pg02+ pg03+", "FIRST 1 (pg02)", policy) with { AloneSince = new Lsn(1), IsWritten = false };
        situation = situation with { Server = Server("FIRST 1 (pg02)", ("pg02", 900)) };

        var step = SynchronousPolicyRule.Next(situation);

        Assert.Null(step.Record);
        Assert.Equal("FIRST 1 (pg02)", Plain(step.Enforce!));
        Assert.Equal("FIRST 1 (pg02)", Shown(SynchronousPolicyRule.Next(situation with { IsWritten = true }).Record));
    }

    [Fact]
    public void What_an_operator_enforced_by_hand_goes_on_record_first_of_all()
    {
        var policy = SynchronousList.Parse("ANY 1 (pg02, pg03)").Of("pg01", 1);
        var step = SynchronousPolicyRule.Next(Situation("availability 1 any", "pg02+ pg03+", "FIRST 1 (pg03)", policy));

        Assert.Equal("FIRST 1 (pg03) FIRST 1 (pg02, pg03)", Shown(step.Record));
        Assert.Null(step.Enforce);
    }

    [Fact]
    public void While_nobody_is_waited_for_the_list_before_holds_until_everybody_who_may_lead_has_its_commits()
    {
        var policy = SynchronousList.None.Of("pg01", 1) with { Previous = SynchronousList.Parse("ANY 1 (pg02)").Of("pg01", 1) };
        var situation = Situation("performance 1 any", "pg02+ pg03+ pg04#", "", policy) with { AloneSince = new Lsn(900) };

        Assert.True(SynchronousPolicyRule.Next(situation with { Server = Server("", ("pg02", 900)) }).IsNothing);
        Assert.Equal("none", Shown(SynchronousPolicyRule.Next(situation with { Server = Server("", ("pg02", 900), ("pg03", 901)) }).Record));
    }

    [Theory]
    // Fewer standbys than before: as many as the new list asks for are enough, and there will never be more.
    [InlineData("FIRST 2 (pg02, pg03)", "FIRST 1 (pg04)", "pg04", true)]
    [InlineData("FIRST 1 (pg02)", "FIRST 2 (pg02, pg03)", "pg02", false)]
    [InlineData("FIRST 1 (pg02)", "FIRST 2 (pg02, pg03)", "pg02 pg03", true)]
    // Not those whom nobody waits for.
    [InlineData("FIRST 1 (pg02)", "FIRST 1 (pg03)", "pg02 pg04", false)]
    // Nobody is waited for any more: everybody who may lead.
    [InlineData("FIRST 2 (pg02, pg03)", "", "pg02 pg03", false)]
    [InlineData("FIRST 2 (pg02, pg03)", "", "pg02 pg03 pg04", true)]
    public void The_list_before_is_dropped_once_the_standbys_of_the_new_one_have_its_commits(string before, string now, string arrived, bool dropped)
    {
        var policy = SynchronousList.Parse(now).Of("pg01", 1) with { Previous = SynchronousList.Parse(before).Of("pg01", 1) };
        var server = Server(now, [.. new[] { "pg02", "pg03", "pg04" }.Select(n => (n, arrived.Contains(n, StringComparison.Ordinal) ? 900UL : 899UL))]);

        var step = SynchronousPolicyRule.Next(Situation("manual 1 first", "pg02+ pg03+ pg04+", now, policy) with { AloneSince = new Lsn(900), Server = server });

        Assert.Equal(dropped, step.Record is { Previous: null });
    }

    [Theory]
    [InlineData("availability", 1, "pg01", "pg02 pg03", "ANY 1 (pg03)")]
    // One out of service is not waited for.
    [InlineData("availability", 1, "pg01", "pg01 pg03", "ANY 1 (pg01)", "pg03")]
    [InlineData("availability", 1, "pg01", "pg03", "", "pg03")]
    // Too few others: the last leader is waited for, where it is not known to be gone.
    [InlineData("availability", 2, "pg01", "pg01 pg03", "ANY 2 (pg01, pg03)")]
    [InlineData("availability", 1, "pg01", "pg01", "ANY 1 (pg01)")]
    [InlineData("availability", 1, "pg01", "", "")]
    [InlineData("protection", 1, "pg01", "", "ANY 1 (pg01)")]
    [InlineData("performance", 1, "pg01", "pg01 pg03", "")]
    [InlineData("manual", 1, "pg01", "pg01 pg03", "FIRST 1 (pg01, pg03)")]
    // Voters; one that is none goes before the last leader only where the others are too few.
    [InlineData("availability", 1, "pg00", "pg01 pg03", "ANY 1 (pg01)", "", "pg03", 2)]
    [InlineData("availability", 1, "pg00", "pg01 pg03", "ANY 1 (pg01, pg03)", "", "pg03", 3)]
    [InlineData("availability", 1, "pg01", "pg01 pg03", "ANY 1 (pg03)", "", "pg03", 2)]
    public void A_new_leader_begins_with_a_list_of_its_own(string mode, int count, string last, string there, string own, string suspended = "", string spare = "", int voters = 3)
    {
        var config = new ClusterConfig
        {
            Name = "c",
            Synchronous = Config($"{mode} {count} any"),
            Roles = new RolesConfig { Voters = voters },
            Nodes = [.. new[] { "pg01", "pg02", "pg03" }.Select(n => new NodeConfig { Name = n, Host = "h", Agent = new HostPort("h", 1), Http = new HostPort("h", 2) })],
        };

        Assert.Equal(own, Plain(SynchronousKeeper.First(
            SynchronousList.Parse("FIRST 1 (pg01, pg03)"), config, config.Nodes[1], n => there.Split(' ').Contains(n), n => n == suspended, n => n != spare, last)));
    }

    [Theory]
    [InlineData("ANY 2 (\"pg-02\", \"pg.03\")")]
    [InlineData("FIRST 1 (\"pg02\")")]
    [InlineData("")]
    public void A_list_reads_what_it_writes(string text) => Assert.Equal(text, SynchronousList.Parse(text).Text);

    internal static SynchronousConfig Config(string text)
    {
        var parts = text.Split(' ');
        return new SynchronousConfig
        {
            Mode = Enum.Parse<SynchronousMode>(parts[0], ignoreCase: true),
            Standbys = int.Parse(parts[1], CultureInfo.InvariantCulture),
            Method = Enum.Parse<SynchronousMethod>(parts[2], ignoreCase: true),
        };
    }

    private static SynchronousSituation Situation(string config, string standbys, string present, SynchronousPolicyRecord? recorded) =>
        new(Config(config), "pg01", "a", Server(present), recorded, null, true, Standbys(standbys));

    private static PostgresStatus Server(string present, params (string Name, ulong Flushed)[] standbys) => new()
    {
        State = NodeState.Running,
        Role = NodeRole.Primary,
        Timeline = 1,
        Lsn = new Lsn(1000),
        SynchronousStandbyNames = present,
        Standbys = [.. standbys.Select(s => new ReplicationPeer(s.Name, "streaming", SyncState.Quorum, null, new Lsn(s.Flushed), null))],
    };

    internal static SynchronousStandby[] Standbys(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t =>
    {
        var (state, rest) = (t[^1], t[..^1].Split('*'));
        var name = rest[0].TrimEnd('?').Split('/');
        var day = TimeSpan.FromDays(1);
        var moment = TimeSpan.FromSeconds(1);
        return new SynchronousStandby(
            name[0], name.Length > 1 ? name[1] : "", rest.Length > 1 ? int.Parse(rest[1].TrimEnd('?'), CultureInfo.InvariantCulture) : 0, state != '#',
            state is '+' or '#' or '%' ? day : state == '~' ? moment : null, state == '!' ? day : state == '-' ? moment : null, TimeSpan.FromSeconds(2))
        {
            IsSuspended = state == '%',
            IsVoter = !t.Contains('?', StringComparison.Ordinal),
        };
    })];

    private static string Plain(SynchronousList list) => list.Text.Replace("\"", "", StringComparison.Ordinal);

    private static string Shown(SynchronousPolicyRecord? policy) => string.Join(' ', (policy?.InForce ?? []).Select(p =>
        p.Count == 0 ? "none" : $"FIRST {p.Count} ({string.Join(", ", p.Standbys)})"));
}

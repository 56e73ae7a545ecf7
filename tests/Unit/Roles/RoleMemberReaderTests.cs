using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

public sealed class RoleMemberReaderTests
{
    [Fact]
    public void Members_as_people_write_them_down()
    {
        var members = RoleMemberReader.Read("""
            [
                { "name": "pg01", "role": "primary", "failure_domain": "a", "weight": 5 },
                { "Node": "pg02", "Role": "Stand-By", "FailureDomain": "b", "online": false, "no-failover": true },
                { "name": "pg03", "role": 2, "suspended": "suspended by ann@db", "weight": "-1" },
                { "name": "pg04", "suspended": true }, // a spare
                { "name": "pg05", "role": "voter", "primary": true, "suspended": false, },
            ]
            """);

        Assert.Equal(
            [
                new RoleMember { Name = "pg01", Role = MemberRole.Voter, IsPrimary = true, FailureDomain = "a", Weight = 5 },
                new RoleMember { Name = "pg02", Role = MemberRole.StandBy, FailureDomain = "b", IsOnline = false, NoFailover = true },
                new RoleMember { Name = "pg03", Role = MemberRole.Voter, Suspended = "suspended by ann@db", Weight = -1 },
                new RoleMember { Name = "pg04", Suspended = "suspended" },
                new RoleMember { Name = "pg05", Role = MemberRole.Voter, IsPrimary = true },
            ],
            members);
    }

    [Theory]
    [InlineData("Primary", "None", "Running", "Voter primary online")]
    [InlineData("Primary", "None", "Crashed", "Voter primary offline")]
    [InlineData("Standby", "Sync", "Running", "Voter online")]
    [InlineData("Standby", "Quorum", "Running", "Voter online")]
    // On the list, and next when one before it leaves.
    [InlineData("Standby", "Potential", "Running", "Voter online")]
    [InlineData("Standby", "Async", "Running", "StandBy online")]
    // It streams from another standby.
    [InlineData("Standby", "None", "Running", "StandBy online")]
    [InlineData("Standby", "None", "NotStreaming", "Spare online")]
    [InlineData("Standby", "None", "Stopped", "Spare offline")]
    [InlineData("Unknown", "None", "Unreachable", "Spare offline")]
    // Its agent is silent, and its primary still sees it.
    [InlineData("Unknown", "Sync", "Unreachable", "Voter offline")]
    public void A_node_of_a_cluster_is_what_one_look_shows(string role, string sync, string state, string expected)
    {
        var snake = $$"""{ "cluster": "demo", "nodes": [{ "name": "pg01", "role": "{{role}}", "sync_state": "{{sync}}", "state": "{{state}}", "failure_domain": "a", "weight": 2, "no_failover": true, "suspended": null, "timeline": 3 }] }""";
        var numbers = $$"""[{ "Name": "pg01", "Role": {{(int)Enum.Parse<NodeRole>(role)}}, "SyncState": {{(int)Enum.Parse<SyncState>(sync)}}, "State": {{(int)Enum.Parse<NodeState>(state)}}, "FailureDomain": "a", "Weight": 2, "NoFailover": true, "PendingSettings": [] }]""";

        foreach (var json in (string[])[snake, numbers])
        {
            var member = Assert.Single(RoleMemberReader.Read(json));
            Assert.Equal(expected, $"{member.Role}{(member.IsPrimary ? " primary" : "")} {(member.IsOnline ? "online" : "offline")}");
            Assert.Equal(("pg01", "a", 2, true, null), (member.Name, member.FailureDomain, member.Weight, member.NoFailover, member.Suspended));
        }
    }

    [Theory]
    [InlineData("[", "this is no JSON")]
    [InlineData("{}", "expected an array of members")]
    [InlineData("[1]", "expected an array of members")]
    [InlineData("""[{ "role": "spare" }]""", "a member has no name; its fields are role")]
    [InlineData("[{}]", "a member has no name; its fields are none")]
    [InlineData("""[{ "name": "pg01", "wieght": 3 }]""", "pg01 has a field 'wieght' that no member has; known are name, role")]
    [InlineData("""[{ "name": "pg01", "role": "leader" }]""", "role of pg01 is 'leader'; known are Primary, Spare, StandBy, Voter")]
    [InlineData("""[{ "name": "pg01", "role": 7 }]""", "role of pg01 is '7'")]
    [InlineData("""[{ "name": "pg01", "weight": 1.5 }]""", "weight of pg01 is '1.5', and should be a whole number")]
    [InlineData("""[{ "name": "pg01", "online": "maybe" }]""", "is_online of pg01 is 'maybe', and should be true or false")]
    [InlineData("""[{ "name": "pg01", "state": "Fine" }]""", "state of pg01 is 'Fine'; known are Unknown, Running")]
    public void What_is_no_member_is_refused_and_the_place_named(string json, string what)
    {
        var refusal = Assert.Throws<PgClusterException>(() => RoleMemberReader.Read(json));

        Assert.Equal(Reason.InvalidArgument, refusal.Reason);
        Assert.Contains(what, refusal.Message, StringComparison.Ordinal);
    }
}

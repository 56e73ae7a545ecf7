using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

public sealed class RoleRecordTests
{
    private static readonly RoleRecord Record = new(
        "pg-01", new Dictionary<string, MemberRole> { ["pg-01"] = MemberRole.Voter, ["PG02"] = MemberRole.StandBy, ["pg03"] = MemberRole.Spare }, DateTimeOffset.UnixEpoch);

    [Fact]
    public void A_record_reads_what_it_writes()
    {
        var read = RoleRecord.FromJson(Record.ToJson())!;

        Assert.True(read.Says(Record.Primary, Record.Roles), Record.ToJson());
        Assert.Equal((MemberRole.StandBy, MemberRole.Spare, Record.DecidedAt), (read.Of("PG02"), read.Of("pg09"), read.DecidedAt));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"primary\":\"pg01\",\"roles\":{\"pg01\":\"King\"}}")]
    public void What_is_no_record_is_none(string? json) => Assert.Null(RoleRecord.FromJson(json));

    [Fact]
    public void Another_primary_another_role_and_another_member_are_another_record()
    {
        var roles = Record.Roles.ToDictionary();

        Assert.False(Record.Says("pg02", roles));
        Assert.False(Record.Says("pg-01", roles.Where(r => r.Key != "pg03").ToDictionary()));
        Assert.False(Record.Says("pg-01", roles.Select(r => r.Key == "pg03" ? KeyValuePair.Create("pg04", r.Value) : r).ToDictionary()));
        roles["pg03"] = MemberRole.Voter;
        Assert.False(Record.Says("pg-01", roles));
    }
}

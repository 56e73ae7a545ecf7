using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>The program that an operator has run after every round.</summary>
public sealed class RoleHookProgramTests
{
    private static readonly RolePlan Plan = RolePlanner.Balance(
        [new RoleMember { Name = "pg01", Role = MemberRole.Voter, IsPrimary = true }, new RoleMember { Name = "pg02" }], new RoleRequest { Voters = 2 });

    [Fact]
    public void Without_a_program_there_is_none() => Assert.Null(RoleHookProgram.Of(new RolesConfig(), TimeProvider.System));

    [Fact]
    public async Task It_reads_the_plan_from_standard_input()
    {
        var file = Path.GetTempFileName();
        try
        {
            await Hook("sh", "-c", "cat > \"$0\"", file).RunAsync(Plan, TestContext.Current.CancellationToken);

            var read = RolePlanJson.FromJson(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!;
            Assert.Equal(("pg01", "pg02", MemberRole.Voter), (read.Primary, read.Changes.Single().Node, read.Changes.Single().To));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task One_that_fails_is_quoted() => Assert.Contains(
        "no such rack", (await Assert.ThrowsAsync<PgClusterException>(() => Hook("sh", "-c", "echo no such rack >&2; exit 3").RunAsync(Plan, TestContext.Current.CancellationToken))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task One_that_is_not_there_is_named() => Assert.Equal(
        Reason.MissingProgram, (await Assert.ThrowsAsync<PgClusterException>(() => Hook("/nowhere/hook").RunAsync(Plan, TestContext.Current.CancellationToken))).Reason);

    [Fact]
    public async Task One_that_takes_too_long_is_killed()
    {
        var hook = RoleHookProgram.Of(new RolesConfig { Hook = ["sleep", "3600"], HookTimeout = TimeSpan.FromMilliseconds(200) }, TimeProvider.System)!;

        Assert.Equal(Reason.StepTimeout, (await Assert.ThrowsAsync<PgClusterException>(() => hook.RunAsync(Plan, TestContext.Current.CancellationToken))).Reason);
    }

    private static RoleHookProgram Hook(params string[] command) =>
        RoleHookProgram.Of(new RolesConfig { Hook = [.. command], HookTimeout = TimeSpan.FromMinutes(1) }, TimeProvider.System)!;
}

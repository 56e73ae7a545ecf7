using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(SwitchoverGroup.Name)]
public sealed class MessageLogTests(PostgresInstance postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Eight_writers_at_once_leave_no_gap_and_every_reader_sees_one_order()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres, "default_transaction_isolation = 'repeatable read'");
        var limits = new SwitchoverLimits { LogBatch = 7 };
        await using var log = new PostgresMessageLog(pair.Current, limits);
        var writers = Enumerable.Range(1, 8).Select(writer => new Guid(writer, 0, 0, new byte[8])).ToList();
        Task<List<SwitchoverMessage>>[] readers = [ReadAllAsync(), ReadAllAsync()];

        await Task.WhenAll(writers.Select(async writer =>
        {
            for (var number = 0; number < 25; number++)
            {
                await log.AppendAsync(new(Guid.NewGuid(), writer, SwitchoverMessageType.Status, Guid.Empty, SwitchoverMessageText.OfText($"{number}")), Token);
            }
        }));

        var first = await readers[0];
        Assert.Equal(Enumerable.Range(1, 200).Select(id => (long)id), first.Select(message => message.Position));
        Assert.Equal(first, await readers[1]);
        Assert.All(writers, writer => Assert.Equal(
            Enumerable.Range(0, 25).Select(number => $"{number}"),
            first.Where(message => message.Node == writer).Select(message => SwitchoverMessageText.ToText(message.Data))));
        Assert.Equal(200, await log.GetLastPositionAsync(Token));

        async Task<List<SwitchoverMessage>> ReadAllAsync()
        {
            await using var own = new PostgresMessageLog(pair.Current, limits);
            var seen = new List<SwitchoverMessage>();
            await Poll.UntilAsync("200 messages were read", async () =>
            {
                var batch = await own.ReadAsync(seen.Count, Token);
                Assert.True(batch.Count <= 7);
                seen.AddRange(batch);
                return seen.Count >= 200;
            });
            return seen;
        }
    }

    [Fact]
    public async Task A_message_appended_again_stands_once_and_a_table_made_anew_is_noticed()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await using var log = new PostgresMessageLog(pair.Current, new());
        var reset = new SwitchoverMessage(Guid.NewGuid(), Guid.NewGuid(), SwitchoverMessageType.Reset, Guid.Empty, null);
        await log.AppendAsync(reset, Token);
        await log.AppendAsync(reset, Token);
        await log.AppendAsync(reset with { Id = Guid.NewGuid(), Type = SwitchoverMessageType.Cancel }, Token);
        Assert.Equal((2, 1), (await log.GetLastPositionAsync(Token), await log.GetLastResetAsync(Token)));
        Assert.Empty(await log.ReadAsync(2, Token));

        await DatabasePair.ExecuteAsync(pair.Current, "truncate pgcluster_switchover.log");
        await log.AppendAsync(reset, Token);

        Assert.Equal([1L], (await log.ReadAsync(2, Token)).Select(message => message.Position));
    }

    [Fact]
    public async Task An_append_wakes_who_waits()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        var limits = new SwitchoverLimits
        {
            PollInterval = TimeSpan.FromMinutes(10),
            HelloWindow = TimeSpan.FromMinutes(11),
            ResetTimeout = TimeSpan.FromMinutes(12),
            LeaderTimeout = TimeSpan.FromMinutes(30),
        };
        await using var log = new PostgresMessageLog(pair.Current, limits);
        await log.GetLastPositionAsync(Token);
        var wait = log.WaitAsync(Token);

        await log.AppendAsync(new(Guid.NewGuid(), Guid.NewGuid(), SwitchoverMessageType.Reset, Guid.Empty, null), Token);

        await wait.WaitAsync(Poll.Budget, Token);
    }

    [Fact]
    public async Task A_reader_survives_the_loss_of_its_connection()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await using var log = new PostgresMessageLog(pair.Current, new());
        await log.GetLastPositionAsync(Token);
        var database = new NpgsqlConnectionStringBuilder(pair.CurrentString).Database;
        await postgres.ExecuteAsync($"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'");

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => log.ReadAsync(0, Token));
        Assert.Empty(await log.ReadAsync(0, Token));
    }

    [Fact]
    public async Task Installing_twice_changes_nothing_and_removing_leaves_nothing()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await using var connection = await pair.Current.OpenConnectionAsync(Token);
        var before = await SwitchoverObjects.ReadAsync(connection, Token);
        Assert.Equal(SwitchoverPointer.Idle, before!.Pointer);
        var run = Guid.NewGuid();
        await SwitchoverObjects.DefineAsync(connection, run, """{"tables": []}""", Token);
        await SwitchoverObjects.MoveAsync(connection, SwitchoverPointer.Idle, SwitchoverPointer.InProgress, Token);
        var error = await Assert.ThrowsAsync<PgClusterException>(
            () => SwitchoverObjects.MoveAsync(connection, SwitchoverPointer.Idle, SwitchoverPointer.InProgress, Token));
        Assert.Equal(Reason.SwitchoverNotReady, error.Reason);

        await SwitchoverObjects.InstallAsync(connection, ["pg_monitor"], Token);
        await SwitchoverObjects.InstallAsync(connection, ["pg_monitor"], Token);

        var after = await SwitchoverObjects.ReadAsync(connection, Token);
        Assert.Equal(
            (SwitchoverPointer.InProgress, before.DbId, (Guid?)run, """{"tables": []}"""), (after!.Pointer, after.DbId, after.RunId, after.Definition));
        await SwitchoverObjects.RemoveAsync(connection, Token);
        await SwitchoverObjects.RemoveAsync(connection, Token);
        Assert.Null(await SwitchoverObjects.ReadAsync(connection, Token));
    }
}

using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class PauseTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SW_9_shutdown_while_pausing_fails_the_pause()
    {
        var part = new FakePart();
        var lifecycle = await ReadyAsync(part);
        var pause = lifecycle.PauseAsync(Token);
        await part.PauseAsked.Task.WaitAsync(Budget, Token);
        Assert.Equal(LifecycleState.Pausing, lifecycle.State);

        await lifecycle.ShutdownAsync(_ => Task.CompletedTask, Token).WaitAsync(Budget, Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => pause.WaitAsync(Budget, Token));
        Assert.Contains("shutting down", error.Message, StringComparison.Ordinal);
        Assert.Equal(LifecycleState.Shutdown, lifecycle.State);
        Assert.True(part.Resumed.Task.IsCompleted);
    }

    [Fact]
    public async Task SW_9_shutdown_while_paused_ends()
    {
        var part = new FakePart();
        var lifecycle = await PausedAsync(part);

        await lifecycle.ShutdownAsync(_ => Task.CompletedTask, Token).WaitAsync(Budget, Token);

        Assert.Equal(LifecycleState.Shutdown, lifecycle.State);
        Assert.True(part.Resumed.Task.IsCompleted);
        await RefusedAsync("shutting down", () => lifecycle.PauseAsync(Token));
        await RefusedAsync("shutting down", () => lifecycle.StartAsync(_ => Task.CompletedTask, Token));
    }

    [Fact]
    public async Task SW_9_pause_then_resume_is_ready_again()
    {
        var part = new FakePart();
        var lifecycle = await PausedAsync(part);
        await lifecycle.PauseAsync(Token);

        await lifecycle.ResumeAsync(Token).WaitAsync(Budget, Token);

        Assert.Equal(LifecycleState.Ready, lifecycle.State);
        Assert.True(part.Resumed.Task.IsCompleted);
    }

    [Fact]
    public async Task SW_9_resume_while_pausing_ends_the_pause()
    {
        var part = new FakePart { IsDeaf = true };
        var lifecycle = await ReadyAsync(part);
        var pause = lifecycle.PauseAsync(Token);
        await part.PauseAsked.Task.WaitAsync(Budget, Token);

        await lifecycle.ResumeAsync(Token).WaitAsync(Budget, Token);

        Assert.Equal(Reason.Cancelled, (await Assert.ThrowsAsync<PgClusterException>(() => pause.WaitAsync(Budget, Token))).Reason);
        Assert.Equal(LifecycleState.Ready, lifecycle.State);
        Assert.True(part.Resumed.Task.IsCompleted);
    }

    [Fact]
    public async Task SW_9_a_pause_that_fails_leaves_it_ready()
    {
        var part = new FakePart();
        var lifecycle = await ReadyAsync(part);
        part.Pause.SetException(new InvalidOperationException("busy"));

        Assert.Contains("busy", (await Assert.ThrowsAsync<PgClusterException>(() => lifecycle.PauseAsync(Token))).Message, StringComparison.Ordinal);

        Assert.Equal(LifecycleState.Ready, lifecycle.State);
        Assert.True(part.Resumed.Task.IsCompleted);
    }

    [Fact]
    public async Task SW_9_what_is_out_of_order_is_refused()
    {
        var lifecycle = new PauseLifecycle(null);
        await RefusedAsync("not started", () => lifecycle.PauseAsync(Token));
        await RefusedAsync("not started", () => lifecycle.ShutdownAsync(_ => Task.CompletedTask, Token));
        await Assert.ThrowsAsync<InvalidOperationException>(() => lifecycle.StartAsync(_ => throw new InvalidOperationException(), Token));
        Assert.Equal(LifecycleState.Unknown, lifecycle.State);
        await lifecycle.StartAsync(_ => Task.CompletedTask, Token);
        await RefusedAsync("already started", () => lifecycle.StartAsync(_ => Task.CompletedTask, Token));
        await RefusedAsync("pause not supported", () => lifecycle.PauseAsync(Token));
        await lifecycle.ResumeAsync(Token);
        Assert.Equal(LifecycleState.Ready, lifecycle.State);
    }

    [Fact]
    public async Task SW_10_all_parts_pause()
    {
        FakePart[] parts = [new(), new()];
        var pause = new PauseGroup(parts).PauseAsync(Token);
        parts[0].Pause.SetResult();
        Assert.False(pause.IsCompleted);
        parts[1].Pause.SetResult();

        await pause.WaitAsync(Budget, Token);

        Assert.DoesNotContain(parts, part => part.Resumed.Task.IsCompleted);
    }

    [Theory]
    [InlineData("before", false)]
    [InlineData("after success", false)]
    [InlineData("after success", true)]
    public async Task SW_10_a_cancelled_pause_resumes_all(string when, bool isDeaf)
    {
        FakePart[] parts = [new(), new() { IsDeaf = isDeaf }];
        using var caller = new CancellationTokenSource();
        if (when == "before")
        {
            await caller.CancelAsync();
        }

        var pause = new PauseGroup(parts).PauseAsync(caller.Token);
        if (when == "after success")
        {
            parts[0].Pause.SetResult();
            await parts[1].PauseAsked.Task.WaitAsync(Budget, Token);
            await caller.CancelAsync();
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pause.WaitAsync(Budget, Token));
        Assert.All(parts, part => Assert.True(part.Resumed.Task.IsCompleted));
    }

    [Fact]
    public async Task SW_10_a_failed_part_resumes_all_and_its_error_comes_out()
    {
        FakePart[] parts = [new(), new(), new() { IsDeaf = true }];
        parts[0].Pause.SetResult();
        var pause = new PauseGroup(parts).PauseAsync(Token);
        parts[1].Pause.SetException(new InvalidOperationException("busy"));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => pause.WaitAsync(Budget, Token));

        Assert.Equal(Reason.PauseTimeout, error.Reason);
        Assert.Contains("busy", error.Message, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.True(part.Resumed.Task.IsCompleted));
    }

    [Fact]
    public async Task SW_10_a_part_that_fails_to_resume_keeps_no_other_from_it()
    {
        FakePart[] parts = [new() { ResumeError = new InvalidOperationException("stuck") }, new()];

        await Assert.ThrowsAsync<InvalidOperationException>(() => new PauseGroup(parts).ResumeAsync(Token));

        Assert.True(parts[1].Resumed.Task.IsCompleted);
    }

    private static async Task<PauseLifecycle> ReadyAsync(FakePart part)
    {
        var lifecycle = new PauseLifecycle(part);
        await lifecycle.StartAsync(_ => Task.CompletedTask, Token);
        Assert.Equal(LifecycleState.Ready, lifecycle.State);
        return lifecycle;
    }

    private static async Task<PauseLifecycle> PausedAsync(FakePart part)
    {
        var lifecycle = await ReadyAsync(part);
        part.Pause.SetResult();
        await lifecycle.PauseAsync(Token).WaitAsync(Budget, Token);
        Assert.Equal(LifecycleState.Paused, lifecycle.State);
        return lifecycle;
    }

    private static async Task RefusedAsync(string why, Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(call);
        Assert.Equal(Reason.SwitchoverNotReady, error.Reason);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }
}

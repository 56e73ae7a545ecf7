using PgCluster.Engine.Configuration;
using PgCluster.Engine.Roles;

namespace PgCluster.Adapters.Process;

/// <summary>The program of <c>roles.hook</c>: it reads the plan of the round as JSON from standard input.</summary>
public sealed class RoleHookProgram : IRoleHook
{
    private readonly RolesConfig _roles;
    private readonly TimeProvider _time;

    private RoleHookProgram(RolesConfig roles, TimeProvider time)
    {
        _roles = roles;
        _time = time;
    }

    /// <summary>The hook of a cluster; null when it has none.</summary>
    /// <param name="roles">What its configuration says.</param>
    /// <param name="time">The clock of the hook's timeout.</param>
    public static RoleHookProgram? Of(RolesConfig roles, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(roles);
        return roles.Hook.Count == 0 ? null : new RoleHookProgram(roles, time);
    }

    /// <inheritdoc/>
    public Task RunAsync(RolePlan plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var command = new ProgramCommand(_roles.Hook[0], [.. _roles.Hook.Skip(1)])
        {
            Input = RolePlanJson.ToJson(plan),
        };
        return ProgramRunner.RunCheckedAsync(command, Reason.InvalidConfiguration, _roles.HookTimeout, _time, cancellationToken);
    }
}

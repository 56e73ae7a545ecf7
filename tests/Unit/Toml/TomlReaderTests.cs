using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Toml;

public sealed class TomlReaderTests
{
    [Theory]
    [InlineData("0", 0L)]
    [InlineData("+0", 0L)]
    [InlineData("-17", -17L)]
    [InlineData("1_000_000", 1_000_000L)]
    [InlineData("0xDEAD_beef", 0xDEADBEEFL)]
    [InlineData("0x00ff", 255L)]
    [InlineData("0o755", 493L)]
    [InlineData("0b1101", 13L)]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("-9223372036854775808", long.MinValue)]
    [InlineData("0x7fffffffffffffff", long.MaxValue)]
    public void Integers(string toml, long expected) => Assert.Equal(expected, Value<ConfigValue.Integer>(toml).Value);

    [Theory]
    [InlineData("1.5", 1.5)]
    [InlineData("-0.01", -0.01)]
    [InlineData("5e+22", 5e22)]
    [InlineData("1e06", 1e6)]
    [InlineData("-2E-2", -0.02)]
    [InlineData("6.626e-34", 6.626e-34)]
    [InlineData("9_224.617_9", 9224.6179)]
    [InlineData("inf", double.PositiveInfinity)]
    [InlineData("-inf", double.NegativeInfinity)]
    [InlineData("+nan", double.NaN)]
    public void Floats(string toml, double expected) => Assert.Equal(expected, Value<ConfigValue.Number>(toml).Value);

    [Fact]
    public void Booleans()
    {
        Assert.True(Value<ConfigValue.Boolean>("true").Value);
        Assert.False(Value<ConfigValue.Boolean>("false").Value);
    }

    [Fact]
    public void Dates_and_times_keep_what_they_say()
    {
        Assert.Equal(new DateTimeOffset(1979, 5, 27, 7, 32, 0, TimeSpan.Zero), Value<ConfigValue.OffsetDateTime>("1979-05-27T07:32:00Z").Value);
        Assert.Equal(TimeSpan.FromHours(-7), Value<ConfigValue.OffsetDateTime>("1979-05-27 00:32:00.5-07:00").Value.Offset);
        Assert.Equal(new DateTime(1979, 5, 27, 7, 32, 0), Value<ConfigValue.LocalDateTime>("1979-05-27t07:32:00").Value);
        Assert.Equal(new DateOnly(2024, 2, 29), Value<ConfigValue.LocalDate>("2024-02-29").Value);
        Assert.Equal(new TimeOnly(7, 32, 0, 999), Value<ConfigValue.LocalTime>("07:32:00.999").Value);
    }

    [Fact]
    public void A_fraction_finer_than_a_tick_is_cut_off_not_rounded() =>
        Assert.Equal(new TimeOnly(0, 0, 0).Add(TimeSpan.FromTicks(9_999_999)), Value<ConfigValue.LocalTime>("00:00:00.99999999").Value);

    [Fact]
    public void An_offset_beyond_what_the_runtime_can_hold_is_kept_as_the_same_moment() =>
        Assert.Equal(
            new DateTimeOffset(2020, 1, 1, 0, 1, 0, TimeSpan.Zero),
            Value<ConfigValue.OffsetDateTime>("2020-01-02T00:00:00+23:59").Value);

    [Theory]
    [InlineData("\"\"", "")]
    [InlineData("\"a\\tb\\n\\\"c\\\\ \\b\\f\\r\"", "a\tb\n\"c\\ \b\f\r")]
    [InlineData("\"\\u00e9 \\U0001F418\"", "é 🐘")]
    [InlineData("'C:\\temp'", "C:\\temp")]
    [InlineData("\"\"\"\nfirst\nsecond\"\"\"", "first\nsecond")]
    [InlineData("\"\"\"\r\nfirst\r\nsecond\"\"\"", "first\nsecond")]
    [InlineData("\"\"\"one \\  \n\n   two\"\"\"", "one two")]
    [InlineData("\"\"\"he said \"\"yes\"\"\"\"\"", "he said \"\"yes\"\"")]
    [InlineData("'''\nno \\escape ''here'' '''", "no \\escape ''here'' ")]
    [InlineData("'''''two quotes'''''", "''two quotes''")]
    public void Strings(string toml, string expected) => Assert.Equal(expected, Value<ConfigValue.Text>(toml).Value);

    [Fact]
    public void Arrays_hold_mixed_values_over_several_lines_with_comments_and_a_trailing_comma()
    {
        var list = Value<ConfigValue.List>("[ # one\n 1,\n \"two\", # two\n [3.0],\n]");

        Assert.Collection(
            list.Items,
            item => Assert.Equal(1, Assert.IsType<ConfigValue.Integer>(item).Value),
            item => Assert.Equal("two", Assert.IsType<ConfigValue.Text>(item).Value),
            item => Assert.Single(Assert.IsType<ConfigValue.List>(item).Items));
    }

    [Fact]
    public void Keys_are_bare_quoted_dotted_or_empty()
    {
        var root = Parse("bare-key_1 = 1\n\"quoted key\" = 2\n'' = 3\na . \"b.c\" .d = 4\n1234 = 5\n3.14 = 6");

        Assert.Equal(["bare-key_1", "quoted key", "", "a", "1234", "3"], root.Entries.Select(entry => entry.Key));
        Assert.Equal(4, Assert.IsType<ConfigValue.Integer>(Find(root, "a", "b.c", "d")).Value);
        Assert.Equal(6, Assert.IsType<ConfigValue.Integer>(Find(root, "3", "14")).Value);
    }

    [Fact]
    public void Tables_may_come_in_any_order_and_inline()
    {
        var root = Parse("[a.b.c]\nx = 1\n[a]\ny = 2\n[d]\ne.f = 3\ne.g = { h = 4, i.j = 5 }\n[d.e.k]\nl = 6");

        Assert.Equal(1L, Integer(root, "a", "b", "c", "x"));
        Assert.Equal(2L, Integer(root, "a", "y"));
        Assert.Equal(3L, Integer(root, "d", "e", "f"));
        Assert.Equal(5L, Integer(root, "d", "e", "g", "i", "j"));
        Assert.Equal(6L, Integer(root, "d", "e", "k", "l"));
    }

    [Fact]
    public void Arrays_of_tables_nest_below_their_last_element()
    {
        var root = Parse("[[fruit]]\nname = 'apple'\n[fruit.physical]\nround = true\n[[fruit.variety]]\n[[fruit.variety]]\n[[fruit]]\nname = 'plum'");

        var fruit = Assert.IsType<ConfigValue.List>(Find(root, "fruit")).Items.Cast<ConfigValue.Table>().ToList();
        Assert.Equal(2, fruit.Count);
        Assert.Equal(2, Assert.IsType<ConfigValue.List>(Find(fruit[0], "variety")).Items.Count);
        Assert.Single(fruit[1].Entries);
    }

    [Fact]
    public void A_byte_order_mark_a_comment_and_no_last_line_end_are_fine()
    {
        Assert.Equal(1L, Integer(TomlReader.ParseUtf8([0xEF, 0xBB, 0xBF, .. "a = 1 # é"u8], "f"), "a"));
        Assert.Equal(1L, Integer(Parse("\uFEFF# c\r\n\ta\t=\t1\t"), "a"));
        Assert.Empty(Parse("").Entries);
    }

    [Fact]
    public void Every_value_and_key_says_where_it_stands()
    {
        var root = Parse("top = 1\n\n  [ table . sub ]\n  key  =  'v'\n[[list]]\n  a.b = [ 1, { c = 2 } ]\nmulti = \"\"\"\nx\n\"\"\"\nafter = 7");

        Assert.Equal(new SourcePosition(1, 1), root.Position);
        Assert.Equal(new SourcePosition(1, 7), Find(root, "top").Position);
        Assert.Equal(new SourcePosition(3, 5), root.Entries[1].KeyPosition);
        Assert.Equal(new SourcePosition(3, 5), Find(root, "table").Position);
        Assert.Equal(new SourcePosition(3, 3), Find(root, "table", "sub").Position);
        Assert.Equal(new SourcePosition(4, 11), Find(root, "table", "sub", "key").Position);
        var element = Assert.IsType<ConfigValue.Table>(Assert.IsType<ConfigValue.List>(Find(root, "list")).Items[0]);
        Assert.Equal(new SourcePosition(5, 1), element.Position);
        var items = Assert.IsType<ConfigValue.List>(Find(element, "a", "b"));
        Assert.Equal(new SourcePosition(6, 9), items.Position);
        Assert.Equal(new SourcePosition(6, 20), Find((ConfigValue.Table)items.Items[1], "c").Position);
        Assert.Equal(new SourcePosition(10, 9), Find(element, "after").Position);
    }

    [Fact]
    public void A_column_counts_characters_not_code_units() =>
        Assert.Equal(new SourcePosition(1, 10), Assert.IsType<ConfigValue.List>(Find(Parse("a = ['🐘',1]"), "a")).Items[1].Position);

    [Theory]
    [InlineData("a = ", 1, 5, "the end of the file instead of a value")]
    [InlineData("a = \nb = 1", 1, 5, "the end of the line instead of a value")]
    [InlineData("a 1", 1, 3, "'1' after a key; expected =")]
    [InlineData("= 1", 1, 1, "'=' instead of a key")]
    [InlineData("a.  = 1", 1, 5, "'=' instead of a key")]
    [InlineData("\"\"\"a\"\"\" = 1", 1, 1, "a multi-line string as a key")]
    [InlineData("x = 1\na = 1 b = 2", 2, 7, "'b' after the value; expected the end of the line")]
    [InlineData("[a] b = 1", 1, 5, "'b' after the header")]
    [InlineData("a = on", 1, 5, "a word without quotes")]
    [InlineData("a = pg01:5432", 1, 5, "a word without quotes")]
    [InlineData("a = 10.0.0.1:5432", 1, 5, "or quotes, if it is a string")]
    [InlineData("a = 10.0.0.1", 1, 5, "or quotes, if it is a string")]
    [InlineData("a = 007", 1, 5, "no leading zeros")]
    [InlineData("a = 1__0", 1, 5, "each underscore")]
    [InlineData("a = 1.", 1, 5, "both sides of a point")]
    [InlineData("a = 0XFF", 1, 5, "a number that is not written as TOML has it")]
    [InlineData("a = -0xFF", 1, 5, "a number that is not written as TOML has it")]
    [InlineData("a = 9223372036854775808", 1, 5, "does not fit in 64 bits")]
    [InlineData("a = 0x8000000000000000", 1, 5, "does not fit in 64 bits")]
    [InlineData("a = 1e400", 1, 5, "does not fit in 64 bits")]
    [InlineData("a = 2023-02-29", 1, 5, "does not exist")]
    [InlineData("a = 0000-01-01", 1, 5, "does not exist")]
    [InlineData("a = 0001-01-01T00:00:00+23:00", 1, 5, "does not exist")]
    [InlineData("a = 24:00:00", 1, 5, "does not exist")]
    [InlineData("a = 07:32", 1, 5, "RFC 3339")]
    [InlineData("a = 2023-1-1", 1, 5, "RFC 3339")]
    [InlineData("a = 07:32:00Z", 1, 5, "RFC 3339")]
    [InlineData("a = \"open\nb = 1", 1, 5, "does not end on its line")]
    [InlineData("a = '''open\n", 1, 5, "a multi-line string that does not end")]
    [InlineData("a = \"x\\q\"", 1, 7, "'q' after a backslash")]
    [InlineData("a = \"\\u12\"", 1, 10, "in a Unicode escape; expected 4 hexadecimal digits")]
    [InlineData("a = \"\\uD800\"", 1, 6, "U+D800 is no Unicode character")]
    [InlineData("a = \"\\UFFFFFFFF\"", 1, 6, "is no Unicode character")]
    [InlineData("a = \"\u0001\"", 1, 6, "the control character U+0001 in a string")]
    [InlineData("a = 1 # \u007f", 1, 9, "the control character U+007F in a comment")]
    [InlineData("a = 1\rb = 2", 1, 6, "a carriage return without a line feed")]
    [InlineData("a = [1, 2", 1, 10, "in the array that begins at line 1; expected a comma or ]")]
    [InlineData("a = [\n1\n2]", 3, 1, "'2' in the array that begins at line 1")]
    [InlineData("a = [,1]", 1, 6, "',' instead of a value")]
    [InlineData("a = { b = 1, }", 1, 14, "'}' instead of a key")]
    [InlineData("a = { b = 1\n}", 1, 12, "the end of the line in an inline table")]
    [InlineData("[a", 1, 3, "the end of the file in a header; expected ]")]
    [InlineData("[]", 1, 2, "']' instead of a key")]
    [InlineData("[[a]\n", 1, 5, "the end of the line in a header; expected ]]")]
    [InlineData("\u00a0a = 1", 1, 1, "the character U+00A0 instead of a key")]
    [InlineData("a = \"\"\"\"\"\"\"\"\"", 1, 13, "after the value")]
    public void A_malformed_text_is_refused_where_it_goes_wrong(string toml, int line, int column, string message) =>
        AssertRefused(toml, line, column, message);

    [Theory]
    [InlineData("a = 1\na = 2", 2, 1, "\"a\" is defined twice (first at line 1, column 1)")]
    [InlineData("a = 1\n\"a\" = 2", 2, 1, "is defined twice")]
    [InlineData("[a]\n[b]\n[a]", 3, 2, "\"a\" is defined twice (first at line 1, column 2)")]
    [InlineData("a = 1\n[a]", 2, 2, "is defined twice")]
    [InlineData("a = 1\n[a.b]", 2, 2, "cannot hold a table")]
    [InlineData("a = { b = 1 }\n[a.c]", 2, 2, "cannot hold a table")]
    [InlineData("a = { b = 1 }\na.c = 2", 2, 1, "cannot be added to here")]
    [InlineData("a = { b = 1, b.c = 2 }", 1, 14, "cannot be added to here")]
    [InlineData("a.b = 1\n[a]", 2, 2, "is defined twice")]
    [InlineData("[a.b]\n[a]\nb.c = 1", 3, 1, "cannot be added to here")]
    [InlineData("[[a]]\n[a]", 2, 2, "is an array of tables (first at line 1, column 3); expected [[a]]")]
    [InlineData("[a]\n[[a]]", 2, 3, "is no array of tables")]
    [InlineData("a = [{ b = 1 }]\n[[a]]", 2, 3, "is no array of tables")]
    [InlineData("[[a.b]]\n[a]\nb.c = 1", 3, 1, "cannot be added to here")]
    public void What_is_defined_is_not_defined_again(string toml, int line, int column, string message) =>
        AssertRefused(toml, line, column, message);

    [Fact]
    public void Bytes_that_are_not_utf_8_are_refused_where_they_stand()
    {
        var error = Assert.Throws<PgClusterException>(() => TomlReader.ParseUtf8([.. "\uFEFFé = 1\nb = '"u8, 0xFF, .. "'"u8], "x.toml"));

        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.StartsWith("x.toml:2:6: the byte 0xFF is not UTF-8", error.Message, StringComparison.Ordinal);
        Assert.Throws<PgClusterException>(() => TomlReader.ParseUtf8([.. "a = 'é"u8[..^1]], "x.toml"));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused_where_it_stands() => AssertRefused("# é\na = '🐘\ud83d'", 2, 7, "half of a surrogate pair");

    [Fact]
    public void Nesting_has_a_limit_so_that_a_hostile_file_cannot_exhaust_the_stack()
    {
        const int Allowed = TomlReader.MaximumDepth;
        Parse($"a = {new string('[', Allowed)}{new string(']', Allowed)}");
        AssertRefused($"a = {new string('[', 100_000)}", 1, 5 + Allowed, "nested too deeply");
        AssertRefused(string.Concat(Enumerable.Repeat("a.", 100_000)) + "a = 1", 1, 1 + (2 * Allowed), "nested too deeply");
        AssertRefused($"[{string.Concat(Enumerable.Repeat("a.", 100_000))}a]", 1, 2 + (2 * Allowed), "nested too deeply");
        AssertRefused("x = " + string.Concat(Enumerable.Repeat("{a=", 100_000)), 1, 5 + (3 * Allowed), "nested too deeply");
    }

    [Fact]
    public void Any_text_the_writer_quotes_reads_back_as_it_was() =>
        Prop.ForAll<string>(text => text is null
                || text.EnumerateRunes().Any(rune => rune == Rune.ReplacementChar)
                || Value<ConfigValue.Text>(TomlText.Quote(text)).Value == text)
            .QuickCheckThrowOnFailure();

    [Fact]
    public void No_text_makes_the_reader_fail_in_another_way_than_its_own() =>
        Prop.ForAll(
                Gen.Elements("a", "b", ".", "=", " ", "\n", "\r\n", "\"", "'", "[", "]", "{", "}", ",", "#", "1", "0x", "-", "1979-05-27", "T", "07:32:00", "\\", "\\u00e9", "true", "🐘", "\ud83d")
                    .ArrayOf(12).Select(string.Concat).ToArbitrary(),
                text =>
                {
                    try
                    {
                        Parse(text);
                        return true;
                    }
                    catch (PgClusterException error)
                    {
                        return error.Reason == Reason.InvalidConfiguration && error.Message.StartsWith("test.toml:", StringComparison.Ordinal);
                    }
                })
            .Check(Config.QuickThrowOnFailure.WithMaxTest(5_000));

    static void AssertRefused(string toml, int line, int column, string message)
    {
        var error = Assert.Throws<PgClusterException>(() => Parse(toml));
        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Equal("test.toml", error.Target);
        Assert.StartsWith($"test.toml:{line}:{column}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("; expected ", error.Message, StringComparison.Ordinal);
    }

    static ConfigValue.Table Parse(string toml) => TomlReader.Parse(toml, "test.toml");

    static T Value<T>(string toml)
        where T : ConfigValue => Assert.IsType<T>(Find(Parse($"v = {toml}"), "v"));

    static long Integer(ConfigValue.Table table, params string[] path) => Assert.IsType<ConfigValue.Integer>(Find(table, path)).Value;

    static ConfigValue Find(ConfigValue.Table table, params string[] path)
    {
        ConfigValue value = table;
        foreach (var key in path)
        {
            value = Assert.Single(Assert.IsType<ConfigValue.Table>(value).Entries, entry => entry.Key == key).Value;
        }

        return value;
    }
}

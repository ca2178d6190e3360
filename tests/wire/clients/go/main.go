// Asks a served store through lib/pq and pgx as Grafana does and as other Go programs do; prints what it saw as lines
// `driver name value`, and ends with an error at the first answer that is not as it should be.
//
//	asking DSN DRIVER
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

const series = `SELECT floor(extract(epoch from started_at)/86400)*86400 AS "time", task_name AS metric,
 sum(cost_usd) AS spend, count(*) AS calls FROM calls
 WHERE started_at BETWEEN '2020-01-01T00:00:00.009Z' AND '2030-01-01T00:00:00.009Z' GROUP BY 1, 2 ORDER BY 1`

// A query that runs for minutes unless it is stopped.
const endless = `SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range + b.range = 1`

const clients, queries = 10, 20

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func expect(name string, got, wanted any) {
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		must(fmt.Errorf("%s is %v and not %v", name, got, wanted))
	}
}

func main() {
	dsn := os.Args[1]
	switch os.Args[2] {
	case "libpq":
		libpq(dsn)
	case "pgx":
		pgxSimple(dsn)
		pgxExtended(dsn)
	}
}

func libpq(dsn string) {
	db, err := sql.Open("postgres", dsn)
	must(err)
	defer db.Close()
	ctx := context.Background()
	must(db.PingContext(ctx))
	_, err = db.ExecContext(ctx, ";")
	must(err)

	rows, err := db.QueryContext(ctx, series)
	must(err)
	types, err := rows.ColumnTypes()
	must(err)
	for _, one := range types {
		fmt.Println("libpq type", one.Name(), one.DatabaseTypeName())
	}
	points, last := 0, 0.0
	for rows.Next() {
		var at float64
		var metric, spend sql.NullString
		var calls int64
		must(rows.Scan(&at, &metric, &spend, &calls))
		if at < last {
			must(errors.New("the times are not sorted"))
		}
		points, last = points+1, at
	}
	must(rows.Err())
	fmt.Println("libpq points", points)

	var word string
	var number float64
	var moment time.Time
	var nothing sql.NullInt64
	must(db.QueryRowContext(ctx, "SELECT $1::text, $2::double, $3::timestamptz, NULL::int", "it's; --", 2.5,
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)).Scan(&word, &number, &moment, &nothing))
	expect("text", word, "it's; --")
	expect("double", number, 2.5)
	expect("moment", moment.UTC(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	expect("null", nothing.Valid, false)

	_, err = db.QueryContext(ctx, "SELECT nope FROM calls")
	var refused *pq.Error
	if !errors.As(err, &refused) {
		must(fmt.Errorf("no error of the server: %v", err))
	}
	expect("code", refused.Code, "42703")

	stopped, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	began := time.Now()
	_, err = db.QueryContext(stopped, endless)
	cancel()
	if err == nil || time.Since(began) > 5*time.Second {
		must(fmt.Errorf("not stopped after %v: %v", time.Since(began), err))
	}
	must(db.PingContext(ctx))
	together("libpq", func() error {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		for range queries {
			rows, err := conn.QueryContext(ctx, series)
			if err != nil {
				return err
			}
			seen := 0
			for rows.Next() {
				seen++
			}
			if err := rows.Err(); err != nil || seen != points {
				return fmt.Errorf("%d of %d points: %w", seen, points, err)
			}
			rows.Close()
		}
		return nil
	})
}

// As Grafana's newer driver asks: the bare protocol, whose results count only under the tag SELECT.
func pgxSimple(dsn string) {
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, dsn)
	must(err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "-- ping").ReadAll()
	must(err)
	results, err := conn.Exec(ctx, series+"; WITH a AS (SELECT 1 AS one) SELECT * FROM a").ReadAll()
	must(err)
	expect("results", len(results), 2)
	for _, result := range results {
		if !result.CommandTag.Select() {
			must(fmt.Errorf("the tag is %s", result.CommandTag))
		}
	}
	for _, one := range results[0].FieldDescriptions {
		fmt.Println("pgx oid", one.Name, one.DataTypeOID)
	}
	fmt.Println("pgx points", len(results[0].Rows))
	expect("with", string(results[1].Rows[0][0]), "1")
	points := len(results[0].Rows)
	together("pgx", func() error {
		own, err := pgconn.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer own.Close(ctx)
		for range queries {
			results, err := own.Exec(ctx, series).ReadAll()
			if err != nil || len(results[0].Rows) != points {
				return fmt.Errorf("%d results: %w", len(results), err)
			}
		}
		return nil
	})
}

func pgxExtended(dsn string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	must(err)
	defer conn.Close(ctx)
	var words []string
	var at time.Time
	var number float64
	var whole int64
	must(conn.QueryRow(ctx, "SELECT ['a', 'b c'], $1::timestamptz, $2::double, count(*) FROM calls WHERE started_at < $3",
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), 0.25, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)).
		Scan(&words, &at, &number, &whole))
	expect("words", words, []string{"a", "b c"})
	expect("moment", at.UTC(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	expect("double", number, 0.25)
	fmt.Println("pgx calls", whole)
	// The second time by the prepared statement that pgx keeps.
	for range 3 {
		must(conn.QueryRow(ctx, "SELECT count(*) FROM calls WHERE task_name <> $1", "no task").Scan(&whole))
	}
	_, err = conn.Exec(ctx, "DELETE FROM calls")
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		must(fmt.Errorf("no error of the server: %v", err))
	}
	expect("code", refused.Code, "25006")
	batch := &pgx.Batch{}
	batch.Queue("SELECT 1")
	batch.Queue("SELECT $1::int", 2)
	answers := conn.SendBatch(ctx, batch)
	for n := range 2 {
		var found int
		must(answers.QueryRow().Scan(&found))
		expect("of the batch", found, n+1)
	}
	must(answers.Close())
	stopped, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = conn.Exec(stopped, endless)
	if err == nil || time.Since(began) > 5*time.Second {
		must(fmt.Errorf("not stopped after %v: %v", time.Since(began), err))
	}
}

func together(driver string, ask func() error) {
	var group sync.WaitGroup
	began := time.Now()
	failures := make(chan error, clients)
	for range clients {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := ask(); err != nil {
				failures <- err
			}
		}()
	}
	group.Wait()
	close(failures)
	for err := range failures {
		must(err)
	}
	fmt.Printf("%s together %d queries in %.1f s\n", driver, clients*queries, time.Since(began).Seconds())
}

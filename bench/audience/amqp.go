package audience

import (
	"fmt"

	"github.com/camcast/camcast/bench/model"
	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/errgroup"
)

// openAMQP gives each reader a connection and a queue of its own.
func (a *readers) openAMQP(c Config) error {
	conns := make([]*amqp.Connection, c.Count)
	var group errgroup.Group
	group.SetLimit(handshakes)
	for i := range conns {
		group.Go(func() (err error) {
			conns[i], err = consume(c, a.tallyOf(c, i))
			return err
		})
	}
	err := group.Wait()
	for _, conn := range conns {
		if conn != nil {
			a.kept = append(a.kept, conn)
		}
	}
	return err
}

func consume(c Config, t *tally) (*amqp.Connection, error) {
	conn, err := amqp.Dial(fmt.Sprintf("amqp://%v:%d/", c.Host, model.AMQPPort))
	if err != nil {
		return nil, err
	}
	channel, err := conn.Channel()
	if err != nil {
		return conn, err
	}
	queue, err := channel.QueueDeclare("", false, true, true, false, amqp.Table{
		"x-max-length": int32(model.QueueFrames), "x-overflow": "drop-head",
	})
	if err != nil {
		return conn, err
	}
	if err := channel.QueueBind(queue.Name, "", model.Exchange, false, nil); err != nil {
		return conn, err
	}
	frames, err := channel.Consume(queue.Name, "", true, true, false, false, nil)
	if err != nil {
		return conn, err
	}
	go func() {
		for d := range frames {
			if t != nil {
				t.picture(d.Body)
			}
		}
	}()
	return conn, nil
}
